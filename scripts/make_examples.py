"""Write leads with numbers that are valid in every region of the world: examples/leads.csv, and files to measure with.

Run from the root of the repository: python scripts/make_examples.py [--rows N] [--out FILE]. The ending .xlsx makes a
workbook. The same seed and rows always make the same file.
"""

import argparse
import csv
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from openpyxl import Workbook  # type: ignore[import-untyped]  # ships no types
from rphonenumbers import (  # type: ignore[import-untyped]  # ships no types
    SUPPORTED_REGIONS,
    PhoneNumberFormat,
    PhoneNumberType,
    example_number_for_type,
    format_number,
)

from ringback.domain.phone import Phone, parse_number

SEED = 20_260_301
HEADER = ("phone_number", "name", "timezone", "amount_due", "plan", "appointment")
PLANS = ("basic", "plus", "family", "business")
ZONED_SHARE = 0.2
TURNS_A_NUMBER = 40
NAMES = """
Amina Bello, Ana García, Anna Müller, Anna Nowak, Aroha Ngata, Bùi Thị Mai, Chinedu Okafor,
Dewi Lestari, Elif Demir, Emma O'Brien, Fatou Diallo, Gábor Nagy, Hans Jürgen Weiß,
Ingrid Ødegård, Ioana Popescu, Isabel Núñez, João da Silva, Kwame Mensah, Lina Haddad,
Lucía Fernández, Malia Kealoha, Marie-Ève Tremblay, Mateo Rossi, Mia Johansson, Nguyễn Văn An,
Noah Smith, Olumide Adeyemi, Petra Dvořáková, Priya Nair, Rania Khoury, Sean Murphy, Siti Rahma,
Sofía Martínez, Tevita Fifita, Thandiwe Dlamini, Tjaša Žagar, Wanjiru Kamau, Zoë van Dijk,
Ådne Sæther, Łukasz Wiśniewski, Μαρία Παπαδοπούλου, Γιώργος Νικολάου, Анна Иванова,
Олександр Шевченко, Димитър Петров, Нино Беридзе, Արամ Պետրոսյան, ნინო ბერიძე, נועה לוי, דוד כהן,
محمد أحمد, فاطمة الزهراء, زهرا حسینی, عائشہ خان, प्रिया शर्मा, राहुल वर्मा, রহিমা খাতুন,
ஆனந்த் குமார், సీతా రెడ్డి, ಕಾವ್ಯಾ ಗೌಡ, അഞ്ജലി മേനോൻ, නිමල් පෙරේරා, สมชาย ใจดี, ສົມພອນ, မောင်မောင်,
ចាន់ សុភា, አበበ በቀለ, 王芳, 李伟, 陳大文, 佐藤花子, 鈴木一郎, 김민준, 이서연
"""

Line = tuple[str, str, str, str, str, str]


def main() -> None:
    """Write the file that was asked for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=5_000)
    options.add_argument("--out", type=Path, default=Path("examples/leads.csv"))
    options.add_argument("--seed", type=int, default=SEED)
    chosen = options.parse_args()
    lines = leads_of(chosen.rows, chosen.seed)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    write = write_workbook if chosen.out.suffix.lower() == ".xlsx" else write_csv
    print(f"{write(chosen.out, lines)} leads in {chosen.out}")


def leads_of(rows: int, seed: int) -> Iterator[Line]:
    """So many leads, or as many as there are, always the same ones for a seed."""
    return islice(leads(random.Random(seed)), rows)  # noqa: S311 # examples want seeded chance


def leads(chance: random.Random) -> Iterator[Line]:
    """Leads without end, or nearly: each number once, the regions in turn."""
    names = [name.strip() for name in NAMES.split(",")]
    for phone in numbers(chance):
        zone = chance.choice(phone.zones) if chance.random() < ZONED_SHARE else ""
        day = f"2026-{chance.randrange(4, 13):02}-{chance.randrange(1, 29):02}"
        hour = f"{chance.randrange(9, 18):02}:{chance.choice(('00', '15', '30', '45'))}"
        due = f"{chance.randrange(500, 90_000) / 100:.2f}"
        yield phone.e164, chance.choice(names), zone, due, chance.choice(PLANS), f"{day} {hour}"


def numbers(chance: random.Random) -> Iterator[Phone]:
    """The library's fixed and mobile example numbers of all regions, then the same with other last digits.

    A region drops out once it gave no new valid number for a while.
    """
    examples = sorted(example_numbers())
    seen: set[str] = set()
    failures = dict.fromkeys(examples, 0)
    while failures:
        for example in list(failures):
            phone = parse_number(vary(example, chance) if example in seen else example)
            if isinstance(phone, Phone) and phone.zones and phone.e164 not in seen:
                seen.add(phone.e164)
                failures[example] = 0
                yield phone
            elif failures[example] > TURNS_A_NUMBER:
                del failures[example]
            else:
                failures[example] += 1


def example_numbers() -> set[str]:
    """The library's own examples, in E.164."""
    kinds = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE)
    found = (example_number_for_type(region, kind) for region in sorted(SUPPORTED_REGIONS) for kind in kinds)
    return {format_number(number, PhoneNumberFormat.E164) for number in found if number}


def vary(number: str, chance: random.Random) -> str:
    """The number with other last digits: four, or two where it is short."""
    count = 4 if len(number) > 10 else 2
    return number[:-count] + f"{chance.randrange(10**count):0{count}}"


def write_csv(path: Path, lines: Iterator[Line]) -> int:
    """Write a CSV file in UTF-8; returns how many leads."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        return sum(1 for line in lines if writer.writerow(line))


def write_workbook(path: Path, lines: Iterator[Line]) -> int:
    """Write an XLSX workbook; returns how many leads."""
    book, count = Workbook(write_only=True), 0
    sheet = book.create_sheet("leads")
    sheet.append(HEADER)
    for line in lines:
        sheet.append(line)
        count += 1
    book.save(path)
    return count


if __name__ == "__main__":
    main()
