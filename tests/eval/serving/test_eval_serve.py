from dataclasses import replace

import pytest
from extras import need
from media.films import film
from random_networks import random_network

from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.errors import AvnetError
from eval.serving.config import ServeConfig
from eval.serving.serving import serve

need("fastapi")
need("uvicorn")


@pytest.mark.slow
def test_figures_of_a_server_with_a_tiny_network(tmp_path, capsys):
    config = replace(ModelConfig.small("avol"), image_size=32, widths=(4, 4, 8, 8), embedding_size=8)
    Model(config, random_network(config)).save(tmp_path / "model", "# Card\n")
    video = film(tmp_path / "film.mp4", 1, 1.5)
    figures = serve(ServeConfig(video, model=str(tmp_path / "model"), rounds=1, uploads=3, jobs=0))
    by_name = {figure.name: figure.values for figure in figures}
    first = by_name["from the upload of the video to its first heatmaps"]
    whole = by_name["from the upload of the video to all files"]
    assert 0 < first[0] < whole[0] and "3 uploads at once, of which 3 were taken" in by_name
    assert "from the start of the command to the page, s" in capsys.readouterr().out


def test_a_server_that_does_not_start_is_told(tmp_path):
    with pytest.raises(AvnetError, match=r"avnet serve: .*no-such"):
        serve(ServeConfig(tmp_path / "film.mp4", model=str(tmp_path / "no-such")))
