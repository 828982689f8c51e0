//! Files with a mistake: one clear line each.

use crate::{folder, plan_of};
use std::{collections::BTreeSet, fs};

/// Name of the file, what is said about it.
const MISTAKES: &[(&str, &str)] = &[
    (
        "checksum",
        "line 3, id \"p-3\": to: 0xaDC5026924D7c067Ed8E82aa2bb86a57D002d422 has a wrong checksum: a character was changed or mistyped; copy the address again from its source",
    ),
    ("column-twice", "line 1: column amount is there twice: remove one"),
    (
        "duplicate-id",
        "line 3, id \"p-1\": the id is already that of line 2: give each payment its own",
    ),
    ("empty", "the file is empty: its first line is the header id,to,amount,token,note"),
    (
        "empty-id",
        "line 3: the payment has no id: give it one that no other payment has, like an invoice number",
    ),
    (
        "ens-name",
        "line 3, id \"p-3\": to: \"treasurer.eth\" is not an address: 0x and 40 hexadecimal digits are needed",
    ),
    (
        "ether-small-letters",
        "line 3, id \"p-3\": token: \"eth\" is not an address: 0x and 40 hexadecimal digits are needed; for ether write ETH, and a symbol only where the address book has it",
    ),
    (
        "everything-left",
        "line 3, id \"p-3\": amount: \"all\" is not an amount: write digits and at most one point, like 1250.50",
    ),
    (
        "exponent",
        "line 3, id \"p-3\": amount: \"3E+05\" has an exponent, which loses digits too: compare it with its source: write 300000",
    ),
    ("header-only", "the file has a header but no payment"),
    (
        "hidden-id",
        "line 3, id \"p-\\u{202e}3\": the id has a character that cannot be seen, or a backslash: type it again",
    ),
    (
        "hostile-text",
        "line 3, id \"p-3\": to: \"\\u{1b}[2J\\u{202e}0xaDC5026924D7c067Ed8E82aa2bb86a57D002d421\" is not an address: 0x and 40 hexadecimal digits are needed\nline 3, id \"p-3\": token: \"ETH\\u{200b}\" is not an address: 0x and 40 hexadecimal digits are needed; for ether write ETH, and a symbol only where the address book has it",
    ),
    ("latin-1", "line 3: a character that is not UTF-8: save the file as \"CSV UTF-8\""),
    (
        "long-id",
        "line 3, id \"ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp\": the id has 65 characters: at most 64 are taken",
    ),
    (
        "missing-column",
        "line 1: no column token: add one, with ETH, a token's address, or its symbol in the address book; or give --token for all lines",
    ),
    ("negative", "line 3, id \"p-3\": amount: \"-3\" is negative: a payout cannot take money back"),
    (
        "no-amount",
        "line 3, id \"p-3\": amount: nothing is there: write what is owed, like 1250.50, or remove the line",
    ),
    ("no-header", "line 1: \"p-1\" begins no header: the first line is id,to,amount,token,note"),
    (
        "oversized",
        "line 3, id \"p-3\": amount: \"115792089237316195423570985008687907853269984665640564039457584007913129639935\" is more than any token can hold",
    ),
    (
        "pays-token",
        "line 3, id \"p-3\": to: 0xCEF01f6E642CE2A3D273f781DCB125ca6f0c715e is the token itself, which cannot send it back: give the payee's own address",
    ),
    (
        "pays-wallet",
        "line 3, id \"p-3\": to: 0x36EB1C76ceE0b9704361C5A9dea2a9226427819e is the wallet that pays: give the payee's address",
    ),
    (
        "semicolons",
        "line 2, id \"p-1\": amount: \"1250,50\" has a decimal comma: write 1250.50\nline 3, id \"p-3\": amount: \"1250,50\" has a decimal comma: write 1250.50\nline 4, id \"p-2\": amount: \"0,75\" has a decimal comma: write 0.75",
    ),
    (
        "thousands",
        "line 3, id \"p-3\": amount: \"3,000.00\" has commas between the thousands: write 3000.00",
    ),
    (
        "token-symbol",
        "line 3, id \"p-3\": token: \"tUSDC\" is not an address: 0x and 40 hexadecimal digits are needed; for ether write ETH, and a symbol only where the address book has it",
    ),
    ("token-zero", "line 3, id \"p-3\": token: the zero address is no token; for ether write ETH"),
    (
        "too-many-decimals",
        "line 3, id \"p-3\": amount: \"3.0000001\" has more than the 6 decimals that can be paid",
    ),
    (
        "unclosed-quote",
        "line 3: a quotation mark out of place: a field in quotes has one at either end, and \"\" for one inside",
    ),
    (
        "unknown-column",
        "line 1: unknown column \"memo\": rename to `note` if that is what it is, or remove it",
    ),
    (
        "unquoted-comma",
        "line 3: 6 fields, where the header has 5: a field with a comma in it needs quotes",
    ),
    ("utf-16", "the file is no whole UTF-16, or no text: save it as \"CSV UTF-8\""),
    (
        "zero",
        "line 3, id \"p-3\": amount: \"0.00\" is zero: remove the line, or write what is owed",
    ),
    (
        "zero-address",
        "line 3, id \"p-3\": to: the zero address belongs to nobody: what is sent there is lost",
    ),
];

#[test]
fn every_mistake_gets_one_clear_line() {
    for (name, expected) in MISTAKES {
        let error = plan_of(&format!("broken/{name}.csv")).unwrap_err();
        assert_eq!(error.to_string(), *expected, "{name}.csv");
    }
}

#[test]
fn every_broken_file_is_looked_at() {
    let files = fs::read_dir(folder().join("broken")).unwrap();
    let files: BTreeSet<_> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let named = MISTAKES.iter().map(|(name, _)| format!("{name}.csv")).collect();
    assert_eq!(files, named);
}
