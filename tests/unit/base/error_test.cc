#include "base/error.h"

#include <cerrno>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace ocisync {
namespace {

using testing::HasSubstr;

TEST(Reasons, AllHaveANameOfTheirOwnAMeaningAndAnExitCode) {
  std::set<std::string_view> names;
  for (const Reason reason : all_reasons()) {
    EXPECT_TRUE(names.insert(to_string(reason)).second) << to_string(reason);
    EXPECT_FALSE(facts(reason).meaning.empty());
    EXPECT_GE(facts(reason).exit_code, 1);
    EXPECT_LE(facts(reason).exit_code, 3);
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Reason::internal) + 1);
}

TEST(Reasons, ExitCodeFollowsWhoCanHelp) {
  for (const Reason reason : all_reasons()) {
    const Fault fault = facts(reason).fault;
    const int code = facts(reason).exit_code;
    EXPECT_TRUE(fault != Fault::wait_for_person || code == 3) << to_string(reason);
    EXPECT_TRUE(fault != Fault::retry || code == 1) << to_string(reason);
  }
}

TEST(ErrorTrail, ReadsFromTheOutsideIn) {
  const auto error = error_of([] {
    during([] { return "syncing chart 'web'"; },
           [] {
             during([] { return "fetching the manifest"; },
                    [] { throw Error(Reason::not_found, "no such tag"); });
           });
  });
  EXPECT_STREQ(error->what(), "syncing chart 'web': fetching the manifest: no such tag");
  EXPECT_EQ(error->message(), "no such tag");
  EXPECT_EQ(error->fault(), Fault::wait_for_person);
}

TEST(ErrorTrail, DescribesTheActivityOnlyOnFailure) {
  bool described = false;
  const auto describe = [&] {
    described = true;
    return std::string("x");
  };
  EXPECT_EQ(during(describe, [] { return 7; }), 7);
  EXPECT_FALSE(described);
}

TEST(ErrorTrail, TheInnermostStageAndHintWin) {
  const auto error = error_of([] {
    at_stage("publish", [] {
      at_stage("unpack",
               [] { throw Error(Reason::chart_invalid, "x").hint("repackage the chart"); });
    });
  });
  Error annotated = *error;
  annotated.hint("something else");
  EXPECT_EQ(annotated.stage(), "unpack");
  EXPECT_EQ(annotated.hint(), "repackage the chart");
}

TEST(ErrorTrail, ACopyIsAnnotatedAlone) {
  const Error shared(Reason::unavailable, "connection refused");
  Error mine = shared;
  mine.during("syncing 'a'").http_status(503);
  EXPECT_STREQ(shared.what(), "connection refused");
  EXPECT_EQ(shared.http_status(), 0);
  EXPECT_STREQ(mine.what(), "syncing 'a': connection refused");
}

TEST(SystemError, TellsAFullVolumeFromABrokenOne) {
  EXPECT_EQ(system_error(ENOSPC, "writing x").reason(), Reason::disk_full);
  EXPECT_EQ(system_error(EDQUOT, "writing x").reason(), Reason::disk_full);
  EXPECT_EQ(system_error(EIO, "writing x").reason(), Reason::storage_failed);
  EXPECT_THAT(system_error(EROFS, "writing x").hint(), HasSubstr("read-only"));
  EXPECT_THAT(system_error(EIO, "writing x").message(), HasSubstr("writing x: "));
}

}  // namespace
}  // namespace ocisync
