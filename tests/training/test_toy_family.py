"""The recipes of the toy families, shortened: drawn scenes, four networks, one family."""

import pytest

import dfm_viz
from dfm_viz.toy import WORLDS, World, scene
from training.__main__ import main
from training.data import toy

FAMILIES = {
    "toynet_toy": (World.CONTEXT, ("cam", "has", "adl", "dfm")),
    "toynet_part": (World.PART, ("cam", "acol", "adl_hard", "dfm_hard")),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_four_recipes_make_a_family(name, tmp_path, capsys):
    world, methods = FAMILIES[name]
    toy.write(tmp_path / toy.NAMES[world], {"train": 4, "val": 1, "test": 1}, 40, world)
    family = tmp_path / name
    for method in methods:
        words = ["fit", f"{name}_{method}", "--data-root", str(tmp_path), "--threads", "1"]
        short = ["epochs=1", "batch=8", "image_size=64", "decode_side=64"]
        short += ["settle_epochs=0"] if method[:3] in ("adl", "dfm") else []
        assert main([*words, "--out", str(family / method), *short]) == 0, capsys.readouterr().err
        assert (family / method / "model.safetensors").stat().st_size < 500_000
    shown = dfm_viz.load_family(family, device="cpu")
    named = tuple(name.removesuffix("_hard") for name in methods)
    assert shown.info.trained == named
    assert shown.info.classes == WORLDS[world]
    assert shown.info.points == ("conv3_2", "conv4_2")
    made = scene(1, size=64, world=world)
    result = shown.inspect(shown.open(made.rgb), {"mode": "off"}, [made.box])
    assert tuple(result.methods) == named
    assert all(found.map.shape == (4, 4) for found in result.methods.values())
