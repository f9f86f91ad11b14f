#include "reconcile/status_file.h"

#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "observe/status_document.h"

namespace ocisync {
namespace {

constexpr const char* kFolder = "status";
constexpr std::uint64_t kStatusFileLimit = 64 << 20;

// The folder of the status, if it is there, and the file's name in it.
std::pair<std::optional<Directory>, std::string> locate(const StatusPlace& place) {
  if (!place.file)
    return {place.control.find(kFolder), place.owner + ".json"};
  const std::filesystem::path path = std::filesystem::absolute(*place.file);
  return {Directory::open_if_exists(path.parent_path()), path.filename().string()};
}

}  // namespace

StatusMemory read_status_file(const StatusPlace& place) {
  try {
    const auto [folder, name] = locate(place);
    const auto text = folder ? folder->read(name, kStatusFileLimit) : std::nullopt;
    return text ? read_status_document(*text) : StatusMemory{};
  } catch (const Error&) {
    return {};
  }
}

void write_status_file(const StatusPlace& place, BoardSnapshot board) {
  const std::string text = joined(status_document(std::move(board)));
  if (!place.file)
    place.control.ensure(kFolder, place.modes.directory);
  const auto [folder, name] = locate(place);
  if (!folder)
    throw Error(Reason::storage_failed,
                fmt::format("the folder of {} does not exist", printable(place.file->string())));
  folder->write_atomic(name, text, place.modes.file);
}

}  // namespace ocisync
