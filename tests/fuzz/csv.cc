// SPDX-License-Identifier: Apache-2.0
// CSV: a training file and, behind a cut, a test file; with and without header, classes and values.
#include "core/data/csv_reader.h"
#include "tests/fuzz/check_dataset.h"
#include "tests/fuzz/input_file.h"

CVXNN_FUZZ_TARGET(csv) {
  using namespace cvxnn;
  const auto files = fuzz::Files(input, 2);
  const fuzz::InputFile train(files[0]), test(files[1]);
  for (const bool has_header : {true, false}) {
    for (const data::TargetKind targets : {data::TargetKind::kClasses, data::TargetKind::kValues}) {
      data::CsvOptions options;
      options.has_header = has_header;
      options.targets = targets;
      options.limits = fuzz::Limits();
      fuzz::CheckRead(data::ReadCsv(train.path(), files[1].empty() ? "" : test.path(), options));
    }
  }
  data::CsvOptions tabs;
  tabs.delimiter = '\t';
  tabs.label_columns = {"0"};
  tabs.limits = fuzz::Limits();
  fuzz::CheckRead(data::ReadCsv(train.path(), "", tabs));
}
