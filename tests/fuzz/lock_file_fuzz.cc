#include "input.h"
#include "reconcile/lock_file.h"

namespace ocisync {
namespace {

void judge(std::string_view text) {
  const auto lock = unless_refused([&] { return parse_lock_file(text, "lock"); });
  if (!lock)
    return;
  const std::string again = to_text(*lock);
  require(parse_lock_file(again, "lock") == *lock);
  require(lock_differences(*lock, parse_lock_file(again, "lock")).empty());
}

}  // namespace
}  // namespace ocisync

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ocisync::judge(ocisync::as_input(data, size));
  return 0;
}
