"""Which column holds what, by its name in the first line or, without names, by what stands in it.

The code of a card is everything its buyer must be told: account and password, card number and secret.
Where these stand in columns of their own they are joined as `account----password`.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from engine.intake.dates import is_date
from engine.intake.records import Record
from engine.intake.refusals import CardFileRefused
from engine.secrecy.masks import SEPARATOR


class Role(StrEnum):
    """What a column holds. The first four make the code, in this order."""

    ACCOUNT = "account"
    NUMBER = "number"
    CODE = "code"
    SECRET = "secret"  # noqa: S105 - the name of a column
    EXPIRES = "expires"
    FACE_VALUE = "face value"
    COST = "cost"


_CODE_ROLES = (Role.ACCOUNT, Role.NUMBER, Role.CODE, Role.SECRET)

_NAMES = {
    Role.ACCOUNT: "account user username login email 账号 帐号 账户 帐户 用户名 邮箱 登录名 卡账号",
    Role.NUMBER: "number cardnumber cardno cardnum serial serialnumber serialno sn "
    "giftcardnumber giftcardno giftcardnum vouchernumber couponnumber 卡号 序列号 卡券号 券号",
    Role.CODE: "code codes card cards cardcode cardkey cdkey key keys giftcode giftcard giftcardcode redeemcode "
    "redemptioncode activationcode couponcode coupon vouchercode voucher licensekey license productkey "
    "卡密 激活码 兑换码 卡码 卡券码 券码 充值码 礼品码 礼品卡 授权码 注册码 提货码 核销码 卡号密码 账号密码 帐号密码",
    Role.SECRET: "password pass passwd pwd secret pin pincode pinnumber cardpin giftcardpin "
    "securitycode cardpassword pin码 密码 口令 卡密码 密钥",
    Role.EXPIRES: "exp expdate expires expireson expire expiry expirydate expirationdate expiration expiresat "
    "expiretime validuntil validto validthru enddate 到期 过期 失效 有效至 有效期 有效期至 有效期限 有效日期 "
    "到期时间 到期日 到期日期 过期时间 过期日期 失效时间 失效日期 截止日期 截止时间",
    Role.FACE_VALUE: "facevalue value denomination amount 面值 面额 金额 卡面值",
    Role.COST: "cost unitcost costprice purchaseprice 成本 成本价 进价 进货价 采购价",
}
_ROLES = {name: role for role, names in _NAMES.items() for name in names.split()}
_BRACKETED = re.compile(r"\([^)]*\)|\[[^\]]*\]|【[^】]*】")
_ASCII_WORD = re.compile(r"[0-9A-Za-z]")


class Columns(NamedTuple):
    """Where things stand in a record: places from 0. `code` is joined in its order; None means no such column.

    `titles` tells people how each column is read: its name in the file (or its number) and its role.
    """

    code: tuple[int, ...]
    expires: int | None
    face_value: int | None
    cost: int | None
    width: int
    has_header: bool
    titles: tuple[tuple[str, str], ...]


def find_columns(sample: Sequence[Record], delimiter: str) -> Columns:
    """The columns of a file that starts with `sample`.

    Raises CardFileRefused when no column holds the code, when two claim to, or when a file
    without names has more columns than can be told apart.
    """
    if not sample:
        raise CardFileRefused("the file holds no cards")
    names = [name.strip() for name in sample[0][1]]
    roles = [_role(name) for name in names]
    if any(roles):
        return _named(names, roles)
    if not any(_ASCII_WORD.search(name) for name in names):
        raise CardFileRefused(
            f"line {sample[0][0]} reads like a title or a header without known names: "
            "delete it, or name the columns, for example 卡号, 卡密, 有效期 or code, expires"
        )
    return _unnamed([fields for _, fields in sample], delimiter)


def says_what_it_holds(sample: Sequence[Sequence[str]]) -> bool:
    """Whether records split like this have a header or a date in a column of its own."""
    return any(map(_role, sample[0])) or Role.EXPIRES in _roles_by_content(sample)


def _role(name: str) -> Role | None:
    plain = _BRACKETED.sub("", unicodedata.normalize("NFKC", name)).casefold()
    return _ROLES.get("".join(filter(str.isalnum, plain)))


def _named(names: list[str], roles: list[Role | None]) -> Columns:
    for role, count in Counter(filter(None, roles)).items():
        if count > 1:
            twice = " and ".join(name for name, each in zip(names, roles, strict=True) if each is role)
            raise CardFileRefused(f"the columns {twice} both name the {role}: keep one, or rename the other")
    if not any(role in _CODE_ROLES for role in roles):
        raise CardFileRefused(
            f"none of the columns {', '.join(filter(None, names))} names the code: call it code, or 卡密"
        )
    return _columns(names, roles, has_header=True)


def _unnamed(sample: list[list[str]], delimiter: str) -> Columns:
    roles = _roles_by_content(sample)
    if roles.count(Role.EXPIRES) > 1:
        raise CardFileRefused("the file has several columns of dates: name the columns in its first line")
    texts = [place for place, role in enumerate(roles) if role is Role.CODE]
    if len(texts) > 2 and delimiter != SEPARATOR:
        raise CardFileRefused(
            f"the file has {len(texts)} columns without names: name them in its first line, "
            "for example 卡号, 卡密, 面值 or number, secret, face value"
        )
    return _columns([f"column {place + 1}" for place in range(len(roles))], roles, has_header=False)


def _roles_by_content(sample: Sequence[Sequence[str]]) -> list[Role | None]:
    """Dates are expiries as long as another column can be the code; every other column is part of the code."""
    width = Counter(map(len, sample)).most_common(1)[0][0]
    columns = [[fields[place].strip() for fields in sample if len(fields) == width] for place in range(width)]
    roles: list[Role | None] = [None if not any(column) else _role_by_content(column) for column in columns]
    if Role.CODE not in roles:
        return [Role.CODE if role else None for role in roles]
    return roles


def _role_by_content(column: list[str]) -> Role:
    return Role.EXPIRES if all(is_date(cell) for cell in column if cell) else Role.CODE


def _columns(names: list[str], roles: Sequence[Role | None], *, has_header: bool) -> Columns:
    places = {role: [place for place, each in enumerate(roles) if each is role] for role in Role}

    def first(role: Role) -> int | None:
        return next(iter(places[role]), None)

    return Columns(
        code=tuple(place for role in _CODE_ROLES for place in places[role]),
        expires=first(Role.EXPIRES),
        face_value=first(Role.FACE_VALUE),
        cost=first(Role.COST),
        width=len(roles),
        has_header=has_header,
        titles=tuple((name, role or "not read") for name, role in zip(names, roles, strict=True)),
    )
