"""Putting a model on the Hugging Face Hub."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from avnet.errors import ModelFolderError
from avnet.events import Listener, nobody, steps
from avnet.files.artifact import CARD, HEADER, Header, read_header
from avnet.files.kinds import INDEX, KINDS
from avnet.zoo.address import Address
from avnet.zoo.card import hub_card
from avnet.zoo.hub import LOG_IN, SUFFIXES, client, refusals


def push(
    folder: Path, address: Address, license: str | None = None, private: bool = False, on_event: Listener = nobody
) -> Address:
    """Puts a folder on the Hub in one commit; a repository that does not exist is made.

    Only what its header lists is sent, and its card. What lies in the folder besides stays here.

    Args:
        folder: anything that avnet wrote and that has no other files than JSON and safetensors.
        address: where to; its revision is a branch.
        license: identifier of the Hub, as 'apache-2.0'; None keeps what the card says.
        private: whether others may not see it.
        on_event: is told of progress.

    Returns:
        The address with the commit.

    Raises:
        ConfigError: `huggingface_hub` is not installed.
        ModelFolderError: the folder is damaged or has files of other kinds; the Hub cannot be reached, or refuses.
    """
    header = read_header(folder, *KINDS.values())
    if header.kind is INDEX:
        raise header.kind.refusal(folder, "does not go to the Hub: it names files of this machine")
    files = dict(_files(header, ""))
    hub = client(address)
    from huggingface_hub import CommitOperationAdd, get_token  # pyright: ignore[reportMissingImports]

    if get_token() is None:
        raise ModelFolderError(str(address), f"cannot be written without a token: {LOG_IN}")
    operations = [CommitOperationAdd(CARD, hub_card(header, license).encode("utf-8", "replace"))]
    for name, file in steps(files.items(), "reading", len(files), "files", on_event):
        operations.append(CommitOperationAdd(name, str(file)))
    message = f"{header.kind.title.capitalize()}, SHA-256 {header.fingerprint[:12]}"
    with refusals(address):
        hub.create_repo(address.repository, private=private or None, exist_ok=True)
        if private and not hub.model_info(address.repository).private:
            raise ModelFolderError(str(address), "is public; make it private on its page first, or choose another")
        commit = hub.create_commit(address.repository, operations, commit_message=message, revision=address.revision)
    return replace(address, revision=commit.oid)


def _files(header: Header, place: str) -> Iterator[tuple[str, Path]]:
    """All that belongs to a folder, by its name on the Hub; also the folders in it that it requires.

    Raises:
        ModelFolderError: a file is missing or damaged, or neither JSON nor safetensors.
    """
    header.verify()
    for name in header.files:
        if not name.endswith(SUFFIXES):
            raise header.kind.refusal(header.folder / name, "does not go to the Hub: it is no JSON and no safetensors")
        yield place + name, header.folder / name
    for name in header.requires:
        if Path(name).name == name and (header.folder / name / HEADER).is_file():
            yield from _files(read_header(header.folder / name, *KINDS.values()), f"{place}{name}/")
    yield place + HEADER, header.folder / HEADER
