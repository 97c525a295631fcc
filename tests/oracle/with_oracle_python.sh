#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a script with the Python given first; exit status 77, which CTest counts as skipped, where there is no such one.
python=$1
shift
if [ ! -x "$python" ]; then
  echo "$python is not there: scripts/setup test makes it (from PyPI); nothing remade"
  exit 77
fi
exec "$python" "$@"
