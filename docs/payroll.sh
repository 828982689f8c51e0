#!/bin/sh
# Plans and proposes the payments of a period: payroll.sh LIST PERIOD. A second start proposes nothing.
# 0 all is proposed or paid, 6 some batches wait, 4 somebody has to look, 7 something is not as it should be.
set -eu
list=$1 period=$2
: "${QUORATE_WALLET:?the wallet that pays}"
plan="payroll-$period.plan.json"
[ -e "$plan" ] || quorate payout plan "$list" --run 'payroll-{period}' --period "$period"
quorate payout propose "$plan"
