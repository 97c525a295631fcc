// SPDX-License-Identifier: Apache-2.0
// NPY: features and, behind a cut, targets; without a cut the file is its own targets.
#include "core/data/byte_source.h"
#include "core/data/npy_reader.h"
#include "tests/fuzz/check_dataset.h"
#include "tests/fuzz/input_file.h"

CVXNN_FUZZ_TARGET(npy) {
  using namespace cvxnn;
  const auto files = fuzz::Files(input, 2);
  const fuzz::InputFile features(files[0]), targets(files[1].empty() ? files[0] : files[1]);
  auto source = data::OpenFile(features.path());
  fuzz::Promise(source.ok(), "a regular file opens");
  const auto array = data::ReadNpyArray(**source, fuzz::Limits().max_bytes);
  if (array.ok()) fuzz::Promise(array->values.bytes() <= fuzz::Limits().max_bytes, "an array keeps the limit");
  for (const data::TargetKind kind : {data::TargetKind::kClasses, data::TargetKind::kValues}) {
    fuzz::CheckRead(data::ReadNpy({features.path(), targets.path(), "", ""}, kind, fuzz::Limits()));
  }
}
