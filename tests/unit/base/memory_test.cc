// Not under the sanitizers, which bring heaps of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include "base/memory.h"

#include <fstream>
#include <memory>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace ocisync {
namespace {

long resident_kib() {
  long size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE) / 1024;
}

TEST(Memory, ThatWasFreedIsGivenBackThoughSomethingAboveItStays) {
  constexpr int kBlocks = 32 * 1024;
  std::vector<std::unique_ptr<char[]>> blocks(kBlocks);
  for (auto& block : blocks)
    block = std::make_unique<char[]>(1024);
  const auto last = std::move(blocks.back());
  blocks.clear();
  const long before = resident_kib();
  give_back_memory();
  EXPECT_LT(resident_kib(), before - 24 * 1024);
}

}  // namespace
}  // namespace ocisync

#endif
