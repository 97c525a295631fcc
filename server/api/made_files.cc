// SPDX-License-Identifier: Apache-2.0
// See made_files.h.
#include "server/api/made_files.h"

#include <utility>

#include "server/store/checked_file.h"

namespace cvxnn::server {

absl::StatusOr<std::shared_ptr<const MadeFile>> MadeFiles::Get(const std::string& name, const Maker& make) {
  absl::MutexLock lock(&mutex_);
  if (const auto found = files_.find(name); found != files_.end()) {
    if (auto file = found->second.lock()) return file;
  }
  auto bytes = make();
  if (!bytes.ok()) return bytes.status();
  const std::uint32_t crc32 = Crc32(bytes->data(), bytes->size());
  auto file = std::make_shared<const MadeFile>(MadeFile{*std::move(bytes), crc32});
  absl::erase_if(files_, [](const auto& entry) { return entry.second.expired(); });
  files_[name] = file;
  return file;
}

}  // namespace cvxnn::server
