// SPDX-License-Identifier: Apache-2.0
// An upload, message by message: whatever comes, what is finished is a valid data set of the bytes that arrived.
#include "server/api/upload.h"

#include "server/store/checked_file.h"
#include "tests/fuzz/check_dataset.h"
#include "tests/fuzz/inputs.pb.h"
#include "tests/fuzz/message_input.h"

CVXNN_MUTATE_AS(upload, cvxnn::fuzz::UploadStream);

CVXNN_FUZZ_TARGET(upload) {
  using namespace cvxnn;
  fuzz::UploadStream stream;
  if (!fuzz::ParseMessage(input, &stream) || stream.messages().empty()) return;
  auto upload = server::Upload::Begin(stream.messages(0).header(), std::int64_t{1} << 20);
  if (!upload.ok()) return;
  for (int i = 1; i < stream.messages_size(); ++i) {
    v1::DatasetChunk chunk = stream.messages(i).chunk();
    if (!stream.keep_checksums()) chunk.set_crc32(server::Crc32(chunk.data().data(), chunk.data().size()));
    // An upload ends with its first fault.
    if (!(*upload)->Add(chunk).ok()) return;
  }
  if (!(*upload)->CheckComplete().ok()) return;
  const auto dataset = (*upload)->Finish();
  fuzz::CheckRead(dataset);
}
