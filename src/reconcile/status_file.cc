#include "reconcile/status_file.h"

#include <string>

#include "base/error.h"
#include "observe/status_document.h"

namespace ocisync {
namespace {

constexpr const char* kFolder = "status";
constexpr std::uint64_t kLimit = 64 << 20;

std::string file_name(std::string_view owner) { return std::string(owner) + ".json"; }

}  // namespace

StatusMemory read_status_file(const Directory& control, std::string_view owner) {
  try {
    const auto folder = control.find(kFolder);
    const auto text = folder ? folder->read(file_name(owner), kLimit) : std::nullopt;
    return text ? read_status_document(*text) : StatusMemory{};
  } catch (const Error&) {
    return {};
  }
}

void write_status_file(const Directory& control, BoardSnapshot board) {
  const std::string name = file_name(board.owner);
  const std::string text = joined(status_document(std::move(board)));
  control.ensure(kFolder, kDefaultModes.directory).write_atomic(name, text, kDefaultModes.file);
}

}  // namespace ocisync
