#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "base/files.h"
#include "export/export_volume.h"

namespace ocisync {

// One lock for the short steps that look and then rename: between the threads of this process
// always, between processes where the volume has locks. It spares conflicts that would be settled
// in the next pass; nothing a reader sees depends on it. Not recursive.
class VolumeLock {
 public:
  // On the file `name` of the control directory, which is never removed.
  VolumeLock(const ExportVolume& volume, std::string name)
      : volume_(volume), name_(std::move(name)) {}

  class Hold {
   public:
    Hold(std::unique_lock<std::mutex> threads, std::optional<FileLock> processes)
        : threads_(std::move(threads)), processes_(std::move(processes)) {}

   private:
    std::unique_lock<std::mutex> threads_;
    std::optional<FileLock> processes_;  // released before threads_
  };

  // Waits at most ten seconds for another process, then goes on without.
  Hold hold();

 private:
  const ExportVolume& volume_;
  const std::string name_;
  std::mutex mutex_;
};

}  // namespace ocisync
