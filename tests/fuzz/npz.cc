// SPDX-License-Identifier: Apache-2.0
// NPZ: a zip archive of arrays.
#include "core/data/npz_reader.h"
#include "tests/fuzz/check_dataset.h"
#include "tests/fuzz/input_file.h"

CVXNN_FUZZ_TARGET(npz) {
  using namespace cvxnn;
  const fuzz::InputFile archive(input);
  for (const data::TargetKind targets : {data::TargetKind::kClasses, data::TargetKind::kValues}) {
    fuzz::CheckRead(data::ReadNpz(archive.path(), {}, targets, fuzz::Limits()));
  }
  data::NpzArrays named;
  named.train_features = named.train_targets = "arr_0";
  fuzz::CheckRead(data::ReadNpz(archive.path(), named, data::TargetKind::kValues, fuzz::Limits()));
}
