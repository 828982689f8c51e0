"""Signs what `quorate show --typed-data` prints by eth-account: `python sign.py TYPED_DATA_FILE PRIVATE_KEY`."""

import json
import sys

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak

file, key = sys.argv[1:]
with open(file) as opened:
    data = json.load(opened)
message = encode_typed_data(full_message=data)
digest = keccak(b"\x19" + message.version + message.header + message.body)
signature = Account.from_key(key).sign_typed_data(full_message=data).signature
print(json.dumps({"digest": "0x" + digest.hex(), "signature": "0x" + signature.hex()}))
