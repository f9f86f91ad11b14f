#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "store/volume.h"

namespace ocisync {

// Small documents in .ocisync/notes/ that save a request and are never needed: what is missing,
// damaged, too large or unreadable was never written. Names are digests of any key. Safe from any
// thread and process.
inline constexpr std::uint64_t kMaxNoteBytes = 24ULL << 20;
inline constexpr auto kNoteExpiry = std::chrono::hours(24 * 30);  // unwritten for so long: swept

std::optional<std::string> read_note(const Volume& volume, std::string_view key);
// Writes nothing on a volume opened for reading, nothing that is too large, and nothing where the
// volume does not let it.
void write_note(const Volume& volume, std::string_view key, std::string_view text);
void sweep_notes(const Volume& volume, WallTime now);

}  // namespace ocisync
