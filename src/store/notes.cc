#include "store/notes.h"

#include "base/error.h"
#include "oci/digest.h"
#include "store/staging.h"

namespace ocisync {
namespace {

constexpr std::string_view kFolder = ".ocisync/notes";

// The digest of the rest stands in the first line.
std::string sealed(std::string_view text) {
  return Digest::of(text).str() + "\n" + std::string(text);
}

}  // namespace

std::optional<std::string> read_note(const Volume& volume, std::string_view key) {
  try {
    const auto folder = volume.root().find(kFolder);
    auto text = folder ? folder->read(Digest::of(key).hex(), kMaxNoteBytes) : std::nullopt;
    const std::size_t end = text ? text->find('\n') : std::string::npos;
    if (end == std::string::npos || sealed(std::string_view(*text).substr(end + 1)) != *text)
      return std::nullopt;
    return text->substr(end + 1);
  } catch (const Error&) {
    return std::nullopt;
  }
}

void write_note(const Volume& volume, std::string_view key, std::string_view text) {
  const std::string whole = sealed(text);
  if (volume.read_only() || whole.size() > kMaxNoteBytes)
    return;
  try {
    volume.root()
        .ensure(kFolder, volume.modes().directory)
        .write_atomic(Digest::of(key).hex(), whole, volume.modes().file);
  } catch (const Error&) {  // NOLINT(bugprone-empty-catch): full or not ours; never needed
  }
}

void sweep_notes(const Volume& volume, WallTime now) {
  const auto folder = volume.root().find(kFolder);
  if (!folder)
    return;
  for (const std::string& name : folder->names()) {
    const auto status = folder->status(name);
    const auto age = is_leftover(name) ? Duration(kAbandonedAfter) : Duration(kNoteExpiry);
    if (status && older_than(*status, age, now))
      folder->remove_tree(name);
  }
}

}  // namespace ocisync
