#pragma once

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "support/temp_directory.h"

namespace ocisync {

// A tmpfs of a few pages, mounted where only this process sees it: a disk that really fills up.
// Needs root or user namespaces, and a process that has not started a thread yet.
class SmallVolume {
 public:
  explicit SmallVolume(const std::string& size) {
    enter_namespace();
    must(::mount("tmpfs", path().c_str(), "tmpfs", 0, ("size=" + size).c_str()), "mount tmpfs");
  }

  ~SmallVolume() { ::umount2(path().c_str(), MNT_DETACH); }

  const std::filesystem::path& path() const { return directory_.path(); }

  std::uint64_t free_bytes() const { return std::filesystem::space(path()).available; }

 private:
  static void must(int result, const std::string& act) {
    if (result != 0)
      throw std::runtime_error(act + ": " + std::strerror(errno));
  }

  static void enter_namespace() {
    const uid_t uid = ::geteuid();
    const gid_t gid = ::getegid();
    must(::unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER), "unshare");
    if (uid != 0) {
      std::ofstream("/proc/self/setgroups") << "deny";
      std::ofstream("/proc/self/uid_map") << "0 " << uid << " 1";
      std::ofstream("/proc/self/gid_map") << "0 " << gid << " 1";
    }
    must(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "mount --make-rprivate");
  }

  TempDirectory directory_;
};

}  // namespace ocisync
