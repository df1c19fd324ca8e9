"""Columns: found by name or by content, and refused where only a guess would tell."""

import pytest

from engine.intake.columns import Columns, find_columns
from engine.intake.refusals import CardFileRefused


def columns(*lines: str, delimiter: str = ",") -> Columns:
    """The columns of a file with these lines, split at `|`."""
    return find_columns([(line_no, line.split("|")) for line_no, line in enumerate(lines, 1)], delimiter)


@pytest.mark.parametrize(
    "name",
    [
        "code",
        "Card",
        "CARD_CODE",
        "cd-key",
        "Gift Code",
        "卡密",
        "激活码",
        "兑换码",
        "卡号+密码",
        "序列号",
        "密码",
        "卡号",
        "卡密（必填）",
        "卡密*",
        " 卡密 ",
        "Ｃｏｄｅ",
        "Code (required)",
        "【卡密】卡密",
        "serial no.",
    ],
)
def test_one_column_with_a_known_name_is_the_code(name: str) -> None:
    """In English and Chinese, whatever case, width and brackets; its own line is no card."""
    found = columns(name, "AAAA")
    assert found.code == (0,)
    assert found.has_header


@pytest.mark.parametrize(
    "name",
    ["expires", "exp", "Expires On", "Expiry Date", "有效期", "到期", "到期时间", "过期时间", "截止日期", "有效期至"],
)
def test_expiry_columns_are_known_by_name(name: str) -> None:
    """Wherever they stand."""
    found = columns(f"备注|{name}|卡密", "x|2027-01-01|AAAA")
    assert (found.expires, found.code, found.width) == (1, (2,), 3)
    assert found.titles == (("备注", "not read"), (name, "expires"), ("卡密", "code"))


@pytest.mark.parametrize(
    ("name", "place"), [("面值", "face_value"), ("Face Value", "face_value"), ("金额", "face_value")]
)
def test_face_values_are_known_by_name(name: str, place: str) -> None:
    """And cost beside it."""
    found = columns(f"code|{name}|成本价", "A|1|2")
    assert getattr(found, place) == 1
    assert found.cost == 2
    assert columns("code").cost is None
    assert columns("code").face_value is None
    assert columns("code").expires is None


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("卡号|卡密", (0, 1)),
        ("Gift Card Number|PIN", (0, 1)),
        ("Card No.|Security Code", (0, 1)),
        ("卡密|卡号", (1, 0)),
        ("卡号|密码", (0, 1)),
        ("password|account", (1, 0)),
        ("secret|code", (1, 0)),
        ("密码|有效期|账号", (2, 0)),
        ("激活码|序列号", (1, 0)),
        ("pin|email|card no", (1, 2, 0)),
    ],
)
def test_what_the_buyer_must_be_told_is_joined_in_one_order(header: str, code: tuple[int, ...]) -> None:
    """Account, number, code, secret: the same card has the same code in whatever order its columns stand."""
    assert columns(header).code == code


def test_a_file_without_names_of_one_column_is_all_codes() -> None:
    """Its first line is a card."""
    found = columns("AAAA-1", "BBBB-2")
    assert found == Columns((0,), None, None, None, 1, has_header=False, titles=(("column 1", "code"),))


@pytest.mark.parametrize("dates", [("2027-01-31", "2027-02-28"), ("20270131", ""), ("永久", "2027年1月31日")])
def test_a_column_of_dates_without_a_name_is_the_expiry(dates: tuple[str, str]) -> None:
    """Every filled cell must be a date, or a word for never."""
    if dates[0] == "永久":
        assert columns(f"AAAA|{dates[0]}", f"BBBB|{dates[1]}").code == (0, 1), "one word that is no date is a guess"
        return
    found = columns(f"AAAA|{dates[0]}", f"BBBB|{dates[1]}")
    assert (found.code, found.expires) == ((0,), 1)


def test_a_column_with_one_cell_that_is_no_date_belongs_to_the_code() -> None:
    """Passwords of eight digits may look like dates."""
    found = columns("user1|20270131", "user2|99999999")
    assert (found.code, found.expires) == ((0, 1), None)


def test_a_broken_line_does_not_decide_what_a_column_holds() -> None:
    """It is refused by itself, for its number of fields."""
    assert columns("AAAA|2027-01-31", "BBBB|2027-02-28", "CC|CC|2027-03-31").expires == 1


def test_codes_that_look_like_dates_are_codes_when_nothing_else_can_be() -> None:
    """A file of one column has codes in it."""
    assert columns("20270131", "20270228").code == (0,)
    assert columns("20270131|20270131", "20270228|20270301").code == (0, 1)


def test_an_empty_column_is_not_read() -> None:
    """As spreadsheets leave them behind."""
    found = columns("AAAA||x", "BBBB| |y")
    assert found.code == (0, 2)
    assert found.titles[1] == ("column 2", "not read")


def test_the_width_is_that_of_most_lines() -> None:
    """A broken line does not widen the file."""
    assert columns("A|1|2", "B|1", "C|1").width == 2


def test_four_dashes_may_join_any_number_of_fields() -> None:
    """`account----password----recovery` is already written as it is delivered."""
    assert columns("u|p|r@x.com", "v|q|s@x.com", delimiter="----").code == (0, 1, 2)


def test_three_unnamed_columns_are_refused() -> None:
    """Face value, note or secret: only a guess would tell."""
    with pytest.raises(CardFileRefused, match="3 columns without names"):
        columns("AAAA|1234|100", "BBBB|5678|100")


def test_two_unnamed_columns_of_dates_are_refused() -> None:
    """One may be the day of issue."""
    with pytest.raises(CardFileRefused, match="several columns of dates"):
        columns("AAAA|2026-01-01|2027-01-01")


def test_a_header_without_a_code_is_refused_with_what_it_has() -> None:
    """The names in the file help to see which one to change."""
    with pytest.raises(CardFileRefused, match="none of the columns 会员码, 有效期 names the code"):
        columns("会员码||有效期", "A||2027-01-01")


def test_two_columns_of_one_role_are_refused_by_name() -> None:
    """Delivering the wrong one of two is not an option."""
    with pytest.raises(CardFileRefused, match="激活码 and 兑换码 both name the code"):
        columns("激活码|兑换码", "A|B")


@pytest.mark.parametrize("title", ["会员码", "卡密导入模板", "会员码|截至"])
def test_a_first_line_that_reads_like_a_title_is_not_imported_as_a_card(title: str) -> None:
    """No code is made of Chinese characters alone."""
    with pytest.raises(CardFileRefused, match="line 1 reads like a title"):
        columns(title, "AAAA|2027-01-01")


def test_a_file_without_lines_is_refused() -> None:
    """Nothing to import."""
    with pytest.raises(CardFileRefused, match="no cards"):
        columns()
