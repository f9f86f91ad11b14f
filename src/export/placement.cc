#include "export/placement.h"

#include <optional>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "export/tree_check.h"
#include "store/staging.h"

namespace ocisync {
namespace {

constexpr std::string_view kPrefix = ".ocisync-export-";
constexpr std::string_view kDraft = "chart";

// A place to work in and the directory around it.
struct Workplace {
  Workplace(const std::filesystem::path& destination, Modes modes)
      : parent(Directory::create(destination, modes.directory)), work(parent, kPrefix) {}

  Directory parent;
  StagingDirectory work;
};

Workplace open_workplace(const std::filesystem::path& destination, Modes modes) {
  try {
    return Workplace(destination, modes);
  } catch (const Error& error) {
    if (error.reason() != Reason::storage_failed)
      throw;
    throw Error(Reason::volume_unsuitable, error.what())
        .hint("the destination must be a directory that this user may write to");
  }
}

bool holds_the_same(const Directory& parent, const TreeRecord& record, Modes modes) {
  const auto status = parent.status(record.chart_name);
  const auto directory =
      status && S_ISDIR(status->st_mode) ? parent.find(record.chart_name) : std::nullopt;
  return directory && compare(*directory, record, modes, Scrutiny::all).has_value();
}

}  // namespace

Placed place_directory(const std::filesystem::path& destination, bool replace, Modes modes,
                       const std::function<TreeRecord(const Directory& into)>& fill) {
  const Workplace place = open_workplace(destination, modes);
  sweep_staging(place.parent, std::chrono::system_clock::now(), kPrefix);
  const Directory& work = place.work.directory();
  work.make_directory(kDraft, modes.directory);
  const Directory draft = *work.find(kDraft);
  TreeRecord record = fill(draft);
  record.entries = take_stock(draft, std::move(record.entries), modes);

  const Directory& parent = place.parent;
  const std::string& name = record.chart_name;
  if (work.rename_new(kDraft, parent, name))
    return Placed::created;
  if (holds_the_same(parent, record, modes))
    return Placed::unchanged;
  const std::string path = printable(parent.path_of(name), 4096);
  if (!replace)
    throw Error(Reason::path_conflict, fmt::format("{} exists and is not this chart", path))
        .hint("--force replaces it; -d names another place");
  draft.sync_volume();  // before the old one goes
  if (!work.exchange(kDraft, parent, name))
    throw Error(Reason::volume_unsuitable,
                fmt::format("{} cannot be replaced in one step on this file system", path))
        .hint("remove it and export again");
  return Placed::replaced;
}

}  // namespace ocisync
