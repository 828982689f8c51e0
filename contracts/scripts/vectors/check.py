#!/usr/bin/env python3
"""Compares anvil-fixtures/vectors/eip712.json with what eth-account computes from the same inputs.

A second referee, not run by CI: `pip install eth-account`, then `python3 contracts/scripts/vectors/check.py`.
"""

import json
import pathlib

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak

FILE = pathlib.Path(__file__).parents[3] / "anvil-fixtures/vectors/eip712.json"

ORDER = "uint192 lane,uint64 sequence,uint256 deadline"
TYPES = {
    "Execute": f"WalletCall[] calls,{ORDER}",
    "WalletCall": "address to,uint256 value,bytes data",
    "Payout": f"address token,Transfer[] transfers,{ORDER}",
    "Transfer": "address to,uint256 amount",
    "Reconfigure": f"uint8 threshold,address[] owners,address policy,bytes policyData,{ORDER}",
    "Cancel": ORDER,
    "Accept": "uint8 role,bytes32 termsHash,uint256 deadline",
    "PersonalSign": "bytes prefixed",
}
USED = {"Execute": ["Execute", "WalletCall"], "Payout": ["Payout", "Transfer"]}
DOMAIN = "string name,string version,uint256 chainId,address verifyingContract,bytes32 salt"


def fields(text):
    return [dict(zip(("type", "name"), field.split(" "))) for field in text.split(",")]


def domain_of(vector):
    return {
        "name": "Quorate",
        "version": "1",
        "chainId": int(vector["chainId"]),
        "verifyingContract": vector["wallet"],
        "salt": int(vector["epoch"]).to_bytes(32, "big"),
    }


def own(vector, primary, message):
    types = {name: fields(TYPES[name]) for name in USED.get(primary, [primary])}
    return {
        "domain": domain_of(vector),
        "types": {"EIP712Domain": fields(DOMAIN), **types},
        "primaryType": primary,
        "message": message,
    }


def integers(value, kind, types):
    """JSON has decimal strings where eth-account wants integers."""
    if kind.endswith("]"):
        return [integers(item, kind[: kind.rindex("[")], types) for item in value]
    if kind in types:
        return {field["name"]: integers(value[field["name"]], field["type"], types) for field in types[kind]}
    return int(value) if kind.startswith(("uint", "int")) else value


def normalized(data):
    types = data["types"]
    return {
        **data,
        "domain": integers(data["domain"], "EIP712Domain", types),
        "message": integers(data["message"], data["primaryType"], types),
    }


def of_action(vector):
    action = vector["action"]
    content = action["config"] if action["type"] == "reconfigure" else action
    message = {**content, **{name: vector[name] for name in ("lane", "sequence", "deadline")}}
    return own(vector, action["type"].capitalize(), message)


def of_accept(vector):
    return own(vector, "Accept", {name: vector[name] for name in ("role", "termsHash", "deadline")})


def of_message(vector):
    if vector["kind"] == "personalSign":
        return own(vector, "PersonalSign", {"prefixed": vector["data"]})
    app = vector["typedData"]
    nested = [{"type": app["primaryType"], "name": "contents"}, *fields(DOMAIN)]
    return {
        "domain": app["domain"],
        "types": {**app["types"], "TypedDataSign": nested},
        "primaryType": "TypedDataSign",
        "message": {"contents": app["message"], **domain_of(vector)},
    }


def digest_of(data):
    signable = encode_typed_data(full_message=normalized(data))
    return signable, keccak(b"\x19" + signable.version + signable.header + signable.body)


def check(vector, data):
    signable, digest = digest_of(data)
    name = vector["name"]
    assert "0x" + digest.hex() == vector["digest"], f"{name}: digest"
    if "structHash" in vector:
        assert "0x" + signable.header.hex() == vector["domainSeparator"], f"{name}: domain separator"
        assert "0x" + signable.body.hex() == vector["structHash"], f"{name}: struct hash"
    if "typedData" in vector:
        assert "0x" + digest_of(vector["typedData"])[1].hex() == vector["hash"], f"{name}: hash"
    for signer in vector["signers"]:
        recovered = Account.recover_message(signable, signature=signer["signature"])
        assert recovered.lower() == signer["owner"], f"{name}: signature of owner {signer['index']}"
        signed = Account.from_key(signer["privateKey"]).sign_message(signable)
        assert "0x" + signed.signature.hex() == signer["signature"], f"{name}: deterministic signature"


def main():
    vectors = json.loads(FILE.read_text())
    count = 0
    for section, form in (("actions", of_action), ("accepts", of_accept), ("messages", of_message)):
        for vector in vectors[section]:
            check(vector, form(vector))
            count += 1
    print(f"eth-account agrees with {count} vectors")


if __name__ == "__main__":
    main()
