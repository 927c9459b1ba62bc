from scripts import area_codes

from ringback.domain.area_codes import AREA_CODES


def test_area_codes_are_those_of_phonenumbers():
    """After an update of phonenumbers, `python scripts/area_codes.py` makes the table anew."""
    assert area_codes.table() == AREA_CODES


def test_every_state_and_province_has_an_area_code():
    """None was left out for a name that the script does not know."""
    assert {region for regions in AREA_CODES.values() for region in regions} == set(area_codes.NAMES.values())


def test_the_script_writes_the_module(tmp_path, monkeypatch, capsys):
    """Running the script writes the table and says so."""
    monkeypatch.setattr(area_codes, "TARGET", tmp_path / "area_codes.py")
    area_codes.main()
    written: dict[str, object] = {}
    exec((tmp_path / "area_codes.py").read_text(encoding="utf-8"), written)  # noqa: S102 # our own
    assert written["AREA_CODES"] == AREA_CODES
    assert capsys.readouterr().out == f"wrote area_codes.py, {len(AREA_CODES)} area codes\n"
