"""The recipes of the toy family, shortened: drawn scenes, four networks, one family."""

import dfm_viz
from dfm_viz.toy import CLASSES, scene
from training.__main__ import main
from training.data import toy

METHODS = ("cam", "has", "adl", "dfm")


def test_four_recipes_make_a_family(tmp_path, capsys):
    toy.write(tmp_path / "toy", {"train": 4, "val": 1, "test": 1}, 40)
    family = tmp_path / "toynet_toy"
    for method in METHODS:
        words = ["fit", f"toynet_toy_{method}", "--data-root", str(tmp_path), "--threads", "1"]
        short = ["epochs=1", "batch=8", "image_size=64", "decode_side=64"]
        short += ["settle_epochs=0"] if method in ("adl", "dfm") else []
        assert main([*words, "--out", str(family / method), *short]) == 0, capsys.readouterr().err
        assert (family / method / "model.safetensors").stat().st_size < 500_000
    shown = dfm_viz.load_family(family, device="cpu")
    assert shown.info.trained == METHODS
    assert shown.info.classes == CLASSES
    assert shown.info.points == ("conv3_2", "conv4_2")
    made = scene(1, size=64)
    result = shown.inspect(shown.open(made.rgb), {"mode": "off"}, [made.box])
    assert tuple(result.methods) == METHODS
    assert all(found.map.shape == (4, 4) for found in result.methods.values())
