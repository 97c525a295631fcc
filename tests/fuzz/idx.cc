// SPDX-License-Identifier: Apache-2.0
// IDX, plain or gzip: training images and labels, test images and labels, with cuts between them.
#include "core/data/idx_reader.h"
#include "tests/fuzz/check_dataset.h"
#include "tests/fuzz/input_file.h"

CVXNN_FUZZ_TARGET(idx) {
  using namespace cvxnn;
  const auto files = fuzz::Files(input, 4);
  const fuzz::InputFile images(files[0]), labels(files[1]), test_images(files[2]), test_labels(files[3]);
  data::IdxFiles read{images.path(), labels.path(), "", ""};
  fuzz::CheckRead(data::ReadIdx(read, fuzz::Limits()));
  if (files[2].empty()) return;
  read.test_images = test_images.path();
  read.test_labels = test_labels.path();
  fuzz::CheckRead(data::ReadIdx(read, fuzz::Limits()));
}
