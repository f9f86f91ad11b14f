#include <atomic>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "loading.h"

namespace {

std::atomic<std::size_t> allocations{0};

}  // namespace

// Counts what the process allocates: work that cannot be seen by counting calls.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size == 0 ? 1 : size))
    return memory;
  throw std::bad_alloc();
}

// Every form of new must come from where delete gives back to, or a sanitizer rightly complains.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}

[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }

[[gnu::noinline]] void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

namespace ocisync {
namespace {

struct Effort {
  std::size_t lookups = 0;
  std::size_t allocations = 0;
  std::size_t charts = 0;
};

Effort effort_of(int charts) {
  std::string lines = "charts:\n";
  for (int i = 0; i < charts; ++i)
    lines += fmt::format(
        "- name: chart-{0:05}\n  ref: oci://${{HOST}}/team/chart-{0:05}\n  version: \"^1.{0}\"\n"
        "  export: {{path: team-{1}/chart-{0:05}}}\n",
        i, i % 10);
  const std::vector<SpecSource> files = {file_of(document_with(lines))};
  Effort effort;
  const Environment environment = [&](std::string_view) {
    ++effort.lookups;
    return std::optional<std::string>("registry.example.com");
  };
  const std::size_t before = allocations;
  const LoadedSpec loaded = load_spec(files, environment);
  effort.allocations = allocations - before;
  effort.charts = loaded.spec ? loaded.spec->charts.size() : 0;
  return effort;
}

TEST(SpecGrowth, TenThousandChartsCostTenTimesAThousand) {
  const Effort few = effort_of(1000), many = effort_of(10'000);
  EXPECT_EQ(few.charts, 1000U);
  EXPECT_EQ(many.charts, 10'000U);
  EXPECT_EQ(few.lookups, 1000U);
  EXPECT_EQ(many.lookups, 10'000U);
  EXPECT_LT(many.allocations, few.allocations * 11);
}

}  // namespace
}  // namespace ocisync
