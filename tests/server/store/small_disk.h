// SPDX-License-Identifier: Apache-2.0
// A file system of 16 MiB, in memory, that can be filled to the last byte.
#pragma once

#include <sched.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace cvxnn::server {

/// Mounted over a folder, in a view of the file systems of this thread and those that it starts from now on: nothing
/// stays mounted, whatever happens.
class SmallDisk {
 public:
  explicit SmallDisk(std::filesystem::path folder)
      : folder_(std::move(folder)),
        is_mounted_(unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                    mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=16m") == 0) {}
  ~SmallDisk() {
    if (is_mounted_) umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  /// False where the process may not mount (root and CAP_SYS_ADMIN are needed).
  bool is_mounted() const { return is_mounted_; }
  /// Another program takes all the room there is.
  void Fill() const {
    std::ofstream filler(Filler(), std::ios::binary | std::ios::app);
    const std::string page(4096, 'x');
    while (filler.write(page.data(), static_cast<std::streamsize>(page.size())).flush()) {
    }
  }
  /// And gives it back.
  void Free() const { std::filesystem::remove(Filler()); }

 private:
  std::filesystem::path Filler() const { return folder_ / "filler"; }

  const std::filesystem::path folder_;
  const bool is_mounted_;
};

}  // namespace cvxnn::server
