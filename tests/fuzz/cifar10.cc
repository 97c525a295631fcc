// SPDX-License-Identifier: Apache-2.0
// CIFAR-10's records: a training file and, behind a cut, a test file.
#include "core/data/cifar10_reader.h"
#include "tests/fuzz/check_dataset.h"
#include "tests/fuzz/input_file.h"

CVXNN_FUZZ_TARGET(cifar10) {
  using namespace cvxnn;
  const auto files = fuzz::Files(input, 2);
  const fuzz::InputFile train(files[0]), test(files[1]);
  std::vector<std::string> tests;
  if (!files[1].empty()) tests.push_back(test.path());
  fuzz::CheckRead(data::ReadCifar10({train.path()}, tests, fuzz::Limits()));
}
