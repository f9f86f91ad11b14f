#include "export/leftovers.h"

#include <sys/stat.h>

#include "base/error.h"
#include "export/staged.h"

namespace ocisync {
namespace {

constexpr std::string_view kTemporary = ".tmp-";
constexpr std::string_view kGenerationSuffix = ".json";

// By change time: being put where it is now is what set it, whatever the contents' own times.
bool is_old(const Directory& directory, const std::string& name, WallTime now) {
  const auto status = directory.status(name);
  return status &&
         std::chrono::system_clock::from_time_t(status->st_ctim.tv_sec) + kLeftoverAge < now;
}

template <typename Chosen>
void sweep(const std::optional<Directory>& directory, WallTime now, Chosen chosen) {
  if (!directory)
    return;
  for (const std::string& name : directory->names()) {
    try {
      if (chosen(name) && is_old(*directory, name, now))
        directory->remove_tree(name);
    } catch (const Error&) {
      // Another user's, or busy: it harms nobody where it is.
    }
  }
}

bool is_temporary(std::string_view name) { return name.starts_with(kTemporary); }

bool is_orphan(const Directory& home, std::string_view name, std::string_view suffix) {
  return name.ends_with(suffix) && !home.status(name.substr(0, name.size() - suffix.size()));
}

}  // namespace

void sweep_leftovers(const ExportVolume& volume, WallTime now) {
  const auto staging = volume.find("staging");
  sweep(staging, now, [&](const std::string& name) { return !is_being_made(*staging, name); });
  sweep(volume.control()->duplicate(), now, is_temporary);
  sweep(volume.find("publications"), now, is_temporary);
  sweep(volume.find("status"), now, is_temporary);
  if (const auto generations = volume.find("generations"))
    for (const std::string& owner : generations->names()) {
      const auto home = find_directory(*generations, owner);
      sweep(home, now, [&](const std::string& name) {
        return is_temporary(name) || is_orphan(*home, name, kGenerationSuffix);
      });
    }
  for (const ExportFormat format : kExportFormats) {
    const auto trees = volume.find(trees_directory(format));
    sweep(trees, now, [&](const std::string& name) {
      return is_temporary(name) || is_orphan(*trees, name, kRecordSuffix);
    });
  }
}

}  // namespace ocisync
