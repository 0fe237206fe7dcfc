"""The programmes of a transport stream: a transponder's recording holds several, and radio among them.

Reference: ISO/IEC 13818-1 (2019), sections 2.4.3.2 (packets), 2.4.4.3 (programme association), 2.4.4.8 (their maps).
"""

from collections.abc import Iterator

import numpy as np

# The tables come several times a second.
PROGRAMME_BYTES = 4 << 20
# Of a packet alone, with the time of its arrival, and with a code that mends errors.
PACKET_SIZES = (188, 192, 204)


def listed_programmes(data: bytes) -> dict[int, set[int]]:
    """The number of each programme, in order, and the identities of its streams.

    Args:
        data: the beginning of a transport stream.
    """
    packets = _transport_packets(data)
    # 13 bits.
    identities = (packets[:, 1].astype(int) & 0x1F) << 8 | packets[:, 2]
    maps: dict[int, int] = {}  # from the identity of a map to the number of its programme
    for section in _sections(packets[identities == 0]):
        # Table 0 says under which identity the map of each programme comes.
        if section[0] == 0:
            for at in range(8, len(section) - 3, 4):
                number = int.from_bytes(section[at : at + 2], "big")
                maps.setdefault((section[at + 2] & 0x1F) << 8 | section[at + 3], number)
    programmes: dict[int, set[int]] = {}
    for identity, number in maps.items():
        if number == 0:  # the network's own table
            continue
        for section in _sections(packets[identities == identity]):
            # Table 2 is such a map. Identities may be used twice, so the number is compared too.
            if section[0] != 2 or len(section) < 12 or int.from_bytes(section[3:5], "big") != number:
                continue
            streams = programmes.setdefault(number, set())
            at = 12 + ((section[10] & 0x0F) << 8 | section[11])
            while at + 5 <= len(section):
                streams.add((section[at + 1] & 0x1F) << 8 | section[at + 2])
                at += 5 + ((section[at + 3] & 0x0F) << 8 | section[at + 4])
    return programmes


def _transport_packets(data: bytes) -> np.ndarray:
    """uint8 [n, 188]: the packets, whatever lies between them."""
    raw = np.frombuffer(data, np.uint8)
    for size in PACKET_SIZES:
        for start in range(min(size, len(raw))):
            marks = raw[start : start + 64 * size : size]
            # Each packet begins with this byte; so many at one distance are no accident.
            if len(marks) >= 2 and (marks == 0x47).all():
                count = (len(raw) - start - 188) // size + 1
                return np.lib.stride_tricks.as_strided(raw[start:], (count, 188), (size, 1))
    return np.zeros((0, 188), np.uint8)


def _sections(packets: np.ndarray) -> Iterator[bytes]:
    """The sections of a table, without their checksums, from packets of its identity."""
    section = b""
    for packet in packets:
        flags = int(packet[3])
        begin = 4 + (1 + int(packet[4]) if flags & 0x20 else 0)
        if not flags & 0x10 or begin >= 188:
            continue
        payload = packet[begin:].tobytes()
        if packet[1] & 0x40:
            section = payload[1 + payload[0] :]
        elif section:
            section += payload
        if len(section) >= 3:
            length = 3 + ((section[1] & 0x0F) << 8 | section[2])
            # The last four bytes are the checksum.
            if len(section) >= length >= 12:
                yield section[: length - 4]
                section = b""
