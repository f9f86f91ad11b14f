#include "reconcile/chart_tree.h"

#include <filesystem>

#include <gmock/gmock.h>

#include "support/expect_error.h"
#include "support/tar_builder.h"
#include "support/temp_directory.h"

namespace ocisync {
namespace {

using ::testing::HasSubstr;

class ChartTree : public ::testing::Test {
 protected:
  CachedChart chart(const std::string& name, const std::string& version) {
    const std::string packed =
        gzip(TarBuilder()
                 .file("top/Chart.yaml", "name: " + name + "\nversion: " + version + "\n")
                 .file("top/values.yaml", std::string(300'000, 'v'))
                 .finished());
    ChartManifest manifest{.format = ChartFormat::current,
                           .config = descriptor("{}"),
                           .content = descriptor(packed),
                           .provenance = {},
                           .name = {},
                           .version = {}};
    return {manifest, cache_.keep("{}"), cache_.keep(packed), {}};
  }

  static Descriptor descriptor(std::string_view bytes) {
    return {"application/octet-stream", Digest::of(bytes), bytes.size(), "", {}};
  }

  TreeRecord fill(
      const CachedChart& chart, ExportFormat format, const std::function<void()>& keep_on = [] {}) {
    return fill_chart_tree(cache_, chart, format, LimitsSpec{}, kDefaultModes, keep_on,
                           into_.directory());
  }

  TempDirectory folder_, into_;
  Volume volume_ = Volume::open(folder_.path() / "cache", kDefaultModes);
  BlobCache cache_{volume_};
};

TEST_F(ChartTree, BothHoldsTheFilesAndTheArchiveAsServed) {
  const TreeRecord record = fill(chart("web", "1.0.0"), ExportFormat::both);
  EXPECT_EQ(record.chart_name, "web");
  EXPECT_FALSE(record.assembled);
  EXPECT_TRUE(std::filesystem::exists(into_.path() / "web" / "values.yaml"));
  EXPECT_TRUE(std::filesystem::exists(into_.path() / "web-1.0.0.tgz"));
}

TEST_F(ChartTree, GivesUpBetweenChunksWhenItMayNotKeepOn) {
  int asked = 0;
  const auto patience = [&] {
    if (++asked > 1)
      throw Error(Reason::timed_out, "out of patience");
  };
  const auto error = error_of([&] { fill(chart("web", "1.0.0"), ExportFormat::both, patience); });
  EXPECT_EQ(error->reason(), Reason::timed_out);
  EXPECT_GT(asked, 1);
}

// Nothing may look like a fault of the volume that is a fault of the chart.
TEST_F(ChartTree, RefusesAnArchiveNameThatNoFileCanHave) {
  const CachedChart longest = chart(std::string(200, 'n'), "1.0.0-" + std::string(60, 'v'));
  const auto error = error_of([&] { fill(longest, ExportFormat::archive); });
  EXPECT_EQ(error->reason(), Reason::chart_invalid);
  EXPECT_THAT(error->what(), HasSubstr("too many for a file name"));
  EXPECT_NO_THROW(fill(longest, ExportFormat::directory));
}

}  // namespace
}  // namespace ocisync
