import json

import numpy as np
import pytest
import torch

from dfm_viz.pictures import read_picture, to_input
from dfm_viz.timeline import TimelinePicture, empty_timeline, read_timeline, write_timeline
from dfm_viz.types import UserError
from training.data import open_dataset
from training.loop import fit, run_folder
from training.timeline import TIMELINE


class KilledError(Exception):
    """Stands for a kill between two epochs."""


@pytest.fixture
def pictures(tmp_path, draw_picture):
    for n in range(3):
        draw_picture(tmp_path / "pictures" / f"{n}.png", (220, 40, 30), (4, 3, 20, 20), seed=n)
    return tmp_path / "pictures"


@pytest.fixture
def data(cub_root):
    return open_dataset("cub", cub_root)


def lines(out):
    return read_timeline(run_folder(out) / TIMELINE)


def test_every_epoch_is_kept_and_the_last_is_what_the_network_says(quick, data, pictures, tmp_path):
    trained = fit(quick(), data, tmp_path / "x", timeline=pictures)
    line = lines(tmp_path / "x")
    assert line.epochs.tolist() == [0, 1, 2, 3]
    assert line.maps.shape[:2] == (4, 3)
    assert line.maps.dtype == np.float16
    assert line.classes == data.classes
    assert [p.name for p in line.pictures] == ["0.png", "1.png", "2.png"]
    assert (line.pictures[0].width, line.pictures[0].height) == (48, 36)
    assert not np.array_equal(line.maps[0], line.maps[3])
    for n, picture in enumerate(sorted(pictures.iterdir())):
        x = to_input(read_picture(picture).rgb, 32, mean=(0.5,) * 3, std=(0.5,) * 3)
        with torch.inference_mode():
            features = trained.model.feature_map(x)
            scores = trained.model.logits(features).softmax(1)[0]
            score_map = trained.model.cam(features, scores.argmax()[None])[0]
        assert line.top[3, n] == int(scores.argmax())
        assert line.scores[3, n] == pytest.approx(float(scores.max()), rel=1e-4)
        assert np.allclose(line.maps[3, n], score_map, rtol=2e-3, atol=1e-4)
    assert (run_folder(tmp_path / "x") / TIMELINE).stat().st_size < 20_000


def test_a_resumed_run_has_the_same_timeline(quick, data, pictures, tmp_path):
    def kill(epochs):
        if epochs == 2:
            raise KilledError

    fit(quick(), data, tmp_path / "straight", timeline=pictures)
    with pytest.raises(KilledError):
        fit(quick(), data, tmp_path / "x", timeline=pictures, after_epoch=kill)
    path = run_folder(tmp_path / "x") / TIMELINE
    ahead = read_timeline(path)  # as if killed between the timeline and the state
    write_timeline(path, ahead.appended(9, ahead.maps[0], ahead.top[0], ahead.scores[0]))
    fit(quick(), data, tmp_path / "x", timeline=pictures)
    assert path.read_bytes() == (run_folder(tmp_path / "straight") / TIMELINE).read_bytes()


def test_the_timeline_does_not_change_training(quick, data, pictures, tmp_path):
    with_it = fit(quick(epochs=1), data, tmp_path / "x", timeline=pictures).model.state_dict()
    without = fit(quick(epochs=1), data, tmp_path / "y").model.state_dict()
    assert all(torch.equal(v, without[k]) for k, v in with_it.items())


def test_other_pictures_and_no_pictures_are_told(quick, data, pictures, tmp_path, draw_picture):
    def kill(epochs):
        raise KilledError

    with pytest.raises(UserError, match="1 to 32 pictures, got 0"):
        fit(quick(), data, tmp_path / "x", timeline=tmp_path / "absent")
    with pytest.raises(KilledError):
        fit(quick(), data, tmp_path / "x", timeline=pictures, after_epoch=kill)
    draw_picture(pictures / "9.png", (1, 2, 3), (0, 0, 5, 5))
    with pytest.raises(UserError, match="holds other pictures"):
        fit(quick(), data, tmp_path / "x", timeline=pictures)


def made():
    about = (TimelinePicture("a.png", "00", 30, 20), TimelinePicture("b.png", "11", 5, 6))
    line = empty_timeline("a run", "cam", ("x", "y"), about)
    for epoch in (0, 4):
        maps = np.full((2, 3, 4), 1e9 * epoch)
        line = line.appended(epoch, maps, np.array([0, 1]), np.array([0.5, 0.75]))
    return line


def test_a_timeline_survives_the_file(tmp_path):
    write_timeline(tmp_path / "t", made())
    line = read_timeline(tmp_path / "t")
    assert line.pictures == made().pictures
    assert (line.title, line.method, line.classes) == ("a run", "cam", ("x", "y"))
    assert line.epochs.tolist() == [0, 4]
    assert line.top.tolist() == [[0, 1], [0, 1]]
    assert line.scores[1].tolist() == [0.5, 0.75]
    assert np.isfinite(line.maps).all()  # values beyond float16 are cut, not lost
    assert line.until(3).epochs.tolist() == [0]


def test_damage_is_told(tmp_path):
    with pytest.raises(UserError, match="There is no timeline"):
        read_timeline(tmp_path / "absent")
    path = tmp_path / "t"
    write_timeline(path, made())
    whole = path.read_bytes()
    newer = whole.replace(b'schema_version\\": 1', b'schema_version\\": 7')
    assert newer != whole
    for content in (b"", whole[:-3], newer, json.dumps({}).encode()):
        path.write_bytes(content)
        with pytest.raises(UserError, match="is no timeline that this version reads"):
            read_timeline(path)
    with pytest.raises(ValueError, match="epochs must rise"):
        made().appended(4, np.zeros((2, 3, 4)), np.array([0, 1]), np.array([0.5, 0.5]))
