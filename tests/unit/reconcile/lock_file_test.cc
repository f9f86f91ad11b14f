#include "reconcile/lock_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/failure.h"

namespace ocisync {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

LockedChart locked(std::string name) {
  return {.name = std::move(name),
          .reference = "oci://registry.example/charts/web",
          .version = "^1",
          .tag = "1.2.3",
          .manifest = Digest::of("manifest"),
          .content = Digest::of("content"),
          .content_size = 1234,
          .chart_name = "web",
          .chart_version = "1.2.3"};
}

ChartSpec wanted(const char* reference, const char* version = "") {
  ChartSpec chart(Reference::parse(reference));
  chart.name = "web";
  chart.written_ref = reference;
  chart.written_version = version;
  if (*version)
    chart.range = VersionRange::parse(version);
  return chart;
}

std::vector<std::string> complaints(const ChartSpec& chart, const LockedChart& entry) {
  Spec spec;
  spec.charts.push_back(chart);
  LockFile lock;
  lock.set(entry);
  return lock_complaints(spec, lock);
}

TEST(LockFile, IsReadBackAsItWasWrittenWhateverItsTextsHold) {
  LockFile lock;
  lock.set(locked("web"));
  LockedChart strange = locked("no");
  strange.reference = "oci://registry.example/a: b # c \"d\" 'e' \\ \n\t{[&*!|>%@`";
  strange.version = ">=1.0 <2 || ~3";
  strange.tag = "1.10";
  strange.chart_name = "0x1F";
  strange.chart_version = "1e3";
  lock.set(strange);
  LockedChart digest_only = locked("Zed");
  digest_only.version.clear();
  digest_only.tag.clear();
  lock.set(digest_only);
  const std::string text = to_text(lock);
  EXPECT_EQ(parse_lock_file(text, "lock"), lock);
  EXPECT_EQ(to_text(parse_lock_file(text, "lock")), text);
  EXPECT_EQ(parse_lock_file(to_text({}), "lock"), LockFile{});
}

TEST(LockFile, IsSortedByTheBytesOfItsNamesAndHasEachOnce) {
  LockFile lock;
  for (const char* name : {"b", "a-b", "B", "a", "a.b"})
    lock.set(locked(name));
  LockedChart again = locked("a");
  again.tag = "2.0.0";
  lock.set(again);
  std::vector<std::string> names;
  for (const LockedChart& chart : lock.charts)
    names.push_back(chart.name);
  EXPECT_THAT(names, ElementsAre("B", "a", "a-b", "a.b", "b"));
  EXPECT_EQ(lock.find("a")->tag, "2.0.0");
  EXPECT_EQ(lock.find("c"), nullptr);
}

TEST(LockFile, SaysInWhichFileAndLineItIsWrong) {
  LockFile lock;
  lock.set(locked("web"));
  std::string text = to_text(lock);
  text.replace(text.find("size: 1234"), 10, "size: 12 4");
  const auto error = failure_of([&] { parse_lock_file(text, "some/lock.yaml"); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reason(), Reason::spec_invalid);
  EXPECT_THAT(error->what(), HasSubstr("some/lock.yaml:12:13: charts[0].content.size: 12 4"));
}

TEST(LockFile, NoticesWhenTheSpecSaysSomethingElse) {
  LockedChart entry = locked("web");
  EXPECT_TRUE(complaints(wanted("oci://registry.example/charts/web", "^1"), entry).empty());
  EXPECT_THAT(complaints(wanted("oci://registry.example/charts/web", "^2"), entry),
              ElementsAre(HasSubstr("^2")));
  EXPECT_THAT(complaints(wanted("oci://other.example/charts/web", "^1"), entry),
              ElementsAre(HasSubstr("other.example")));
  entry.name = "other";
  EXPECT_THAT(complaints(wanted("oci://registry.example/charts/web", "^1"), entry),
              ElementsAre("web: is not in the lock file"));
}

// Edited by hand: written as the spec has it, and pointing elsewhere.
TEST(LockFile, MayNotContradictTheTagOrDigestOfItsOwnReference) {
  LockedChart entry = locked("web");
  entry.version.clear();
  entry.reference = "oci://registry.example/charts/web:1.0.0";
  EXPECT_THAT(complaints(wanted("oci://registry.example/charts/web:1.0.0"), entry),
              ElementsAre(HasSubstr("another tag")));
  const std::string pinned = "oci://registry.example/charts/web@" + Digest::of("other").str();
  entry.reference = pinned;
  EXPECT_THAT(complaints(wanted(pinned.c_str()), entry), ElementsAre(HasSubstr("another digest")));
  entry = locked("web");
  entry.tag.clear();
  EXPECT_THAT(complaints(wanted("oci://registry.example/charts/web", "^1"), entry),
              ElementsAre(HasSubstr("another tag")));
}

TEST(LockFile, TellsEveryDifferenceByName) {
  LockFile before, now;
  before.set(locked("gone"));
  before.set(locked("web"));
  LockedChart moved = locked("web");
  moved.tag = "1.3.0";
  moved.content_size = 99;
  now.set(moved);
  now.set(locked("new"));
  EXPECT_THAT(lock_differences(before, now),
              ElementsAre("new: is not in the lock file", "web: tag 1.2.3 is now 1.3.0",
                          "web: content size 1234 is now 99", "gone: is not in the spec"));
  EXPECT_TRUE(lock_differences(now, now).empty());
}

}  // namespace
}  // namespace ocisync
