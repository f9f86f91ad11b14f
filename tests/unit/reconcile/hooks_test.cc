#include "reconcile/hooks.h"

#include <atomic>
#include <utility>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/expect_error.h"
#include "support/scripted_http.h"
#include "support/temp_directory.h"

namespace ocisync {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::StartsWith;

HookChange change(Action action, std::string digest, std::string previous,
                  std::string chart = "web") {
  return {.action = action,
          .chart = chart,
          .reference = "registry.example.com/charts/web:1.0.0",
          .version = "1.0.0",
          .digest = std::move(digest),
          .previous = std::move(previous),
          .path = "/charts/" + chart};
}

HookSpec hook_named(std::string name, HookSpec::When when = HookSpec::When::published,
                    std::optional<HookSpec::Per> per = {}) {
  HookSpec hook;
  hook.when = when;
  hook.per = per;
  hook.http.emplace().url = "http://hooks.example/" + name;
  hook.name = std::move(name);
  return hook;
}

TEST(HookChanges, SurviveBeingWrittenDown) {
  for (const Action action : {Action::create, Action::update, Action::repair, Action::remove}) {
    const HookChange written =
        change(action, action == Action::remove ? "" : "sha256:b", "sha256:a");
    EXPECT_EQ(read_change(change_json(written).dump()), written);
  }
  EXPECT_EQ(read_change("{}"), std::nullopt);
  EXPECT_EQ(read_change("half a docu"), std::nullopt);
}

TEST(HookChanges, ComeToOne) {
  const HookChange created = change(Action::create, "a", "");
  const HookChange updated = change(Action::update, "b", "a");
  const HookChange repaired = change(Action::repair, "b", "b");
  const HookChange removed = change(Action::remove, "", "b");
  EXPECT_EQ(joined(created, updated), change(Action::create, "b", ""));
  EXPECT_EQ(joined(updated, repaired), change(Action::update, "b", "a"));
  EXPECT_EQ(joined(repaired, repaired), repaired);
  EXPECT_EQ(joined(updated, removed), change(Action::remove, "", "a"));
  EXPECT_EQ(joined(removed, created), change(Action::update, "a", "b"));
}

class HooksTest : public testing::Test {
 protected:
  HooksTest() {
    http.otherwise([this](const ScriptedHttp::Seen&) { return Reply{answer.load()}; });
    spec.name = "platform";
    spec.retry = {std::chrono::milliseconds(1), std::chrono::milliseconds(1)};
  }

  std::unique_ptr<Hooks> hooks(std::vector<HookSpec> wanted) {
    spec.hooks = std::move(wanted);
    auto made = std::make_unique<Hooks>([this] { return control; }, http, metrics, log, clock,
                                        [] { return 0.5; });
    made->follow(spec);
    return made;
  }

  std::vector<std::string> finish(Hooks& hooks) { return hooks.finish(SteadyTime::max(), {}); }

  void touch() {
    HookSpec hook;
    hook.name = "mark";
    hook.touch = box.path() / "mark";
    call_hook(hook, {change(Action::create, "a", "")}, http, {});
  }

  // The charts of every call, as the server got them.
  std::vector<std::string> calls() const {
    std::vector<std::string> result;
    for (const ScriptedHttp::Seen& seen : http.seen()) {
      std::string charts = seen.url.path().substr(1) + ":";
      const Json document = Json::parse(seen.body);
      for (const Json& each : document.find("charts")->items())
        charts += " " + *each.find_string("name") + " " + *each.find_string("action");
      result.push_back(charts);
    }
    return result;
  }

  std::vector<std::string> records() const {
    const auto folder = control->find("hooks/platform");
    return folder ? folder->names() : std::vector<std::string>();
  }

  TempDirectory box;
  std::shared_ptr<const Directory> control =
      std::make_shared<const Directory>(box.directory().duplicate());
  RealClock clock;
  StatusBoard board{clock, "platform"};
  Metrics metrics{board, "0", "0"};
  Log log{LogLevel::error, LogFormat::json, false};
  ScriptedHttp http;
  std::atomic<int> answer = 200;
  Spec spec;
};

TEST_F(HooksTest, WhatIsOwedIsWrittenDownThoughSomebodyRemovedThePlan) {
  answer = 500;
  const auto made = hooks({hook_named("tell")});
  made->write_down(change(Action::create, "a", ""));
  control->remove_tree("hooks");
  made->published(change(Action::create, "a", ""));
  EXPECT_EQ(records().size(), 1U);
}

TEST_F(HooksTest, AVolumeThatWasWipedIsWrittenToAgain) {
  box.directory().make_directory("first", 0755);
  control = std::make_shared<const Directory>(*box.directory().find("first"));
  answer = 500;
  const auto made = hooks({hook_named("tell")});
  made->write_down(change(Action::create, "a", ""));
  box.directory().remove_tree("first");
  box.directory().make_directory("second", 0755);
  control = std::make_shared<const Directory>(*box.directory().find("second"));
  made->write_down(change(Action::update, "b", "a"));
  EXPECT_EQ(records().size(), 1U);
}

TEST_F(HooksTest, AProgramIsToldOfMoreChartsThanAVariableCanName) {
  HookSpec hook;
  hook.name = "tell";
  hook.exec.emplace().command = {"/bin/sh", "-c",
                                 "test -z \"${OCISYNC_HOOK_CHARTS+named}\" && "
                                 "test \"$(grep -o '\"name\":' | wc -l)\" -eq 3000"};
  const std::vector<HookChange> many(3000, change(Action::create, "a", "", std::string(60, 'x')));
  EXPECT_NO_THROW(call_hook(hook, many, http, {}));
}

TEST_F(HooksTest, GatesAreAskedForAChartOrForAPass) {
  const auto made = hooks({hook_named("each", HookSpec::When::gate),
                           hook_named("all", HookSpec::When::gate, HookSpec::Per::pass)});
  EXPECT_TRUE(made->has_pass_gates());
  const HookChange first = change(Action::create, "a", "");
  const HookChange second = change(Action::update, "b", "a", "db");
  made->ask_gates(HookSpec::Per::chart, {first}, {});
  made->ask_gates(HookSpec::Per::pass, {first, second}, {});
  EXPECT_THAT(calls(), ElementsAre("each: web create", "all: web create db update"));
  EXPECT_THAT(records(), IsEmpty()) << "gates are never owed anything";
}

TEST_F(HooksTest, AGateThatDoesNotAgreeRefuses) {
  answer = 403;
  const auto made = hooks({hook_named("all", HookSpec::When::gate, HookSpec::Per::pass)});
  const HookChange first = change(Action::create, "a", "");
  const auto error = error_of([&] { made->ask_gates(HookSpec::Per::pass, {first, first}, {}); });
  EXPECT_EQ(error->reason(), Reason::verification_failed);
  EXPECT_THAT(error->what(), HasSubstr("the gate all refused a pass of 2 charts"));
  EXPECT_EQ(error->stage(), "verify");
  made->ask_gates(HookSpec::Per::chart, {first}, {});
  EXPECT_FALSE(hooks({hook_named("each", HookSpec::When::gate)})->has_pass_gates());
}

TEST_F(HooksTest, WhatIsOwedIsCalledUntilItWorksAndThenForgotten) {
  answer = 503;
  const auto made = hooks({hook_named("tell")});
  const HookChange first = change(Action::create, "a", "");
  made->write_down(first);
  EXPECT_EQ(records().size(), 1U);
  made->published(first);
  EXPECT_THAT(made->finish(clock.steady() + std::chrono::milliseconds(50), {}),
              ElementsAre("tell"));
  answer = 200;
  EXPECT_THAT(finish(*made), IsEmpty());
  EXPECT_THAT(records(), IsEmpty());
  const auto after = http.lines().size();
  EXPECT_THAT(finish(*made), IsEmpty());
  EXPECT_EQ(http.lines().size(), after);
}

TEST_F(HooksTest, OfSeveralChangesOfAPathTheirSumIsTold) {
  answer = 503;
  const auto made = hooks({hook_named("tell")});
  made->published(change(Action::create, "a", ""));
  EXPECT_THAT(made->finish(clock.steady() + std::chrono::milliseconds(50), {}),
              ElementsAre("tell"));
  made->published(change(Action::update, "b", "a"));
  made->published(change(Action::remove, "", "x", "db"));
  answer = 200;
  EXPECT_THAT(finish(*made), IsEmpty());
  // A call that was under way may have told of one of them alone.
  std::string told;
  for (const std::string& call : calls())
    told += call + "\n";
  EXPECT_THAT(told.substr(told.rfind("web ")), StartsWith("web create"));
  EXPECT_THAT(told, HasSubstr("db remove"));
}

TEST_F(HooksTest, AChartIsACallAndAPathIsARecord) {
  const auto made = hooks({hook_named("tell", HookSpec::When::published, HookSpec::Per::chart)});
  const HookChange here = change(Action::create, "a", "", "a/web");
  const HookChange there = change(Action::remove, "", "a", "web");
  for (const HookChange& each : {here, there})
    made->write_down(each);
  EXPECT_EQ(records().size(), 2U);
  for (const HookChange& each : {here, there})
    made->published(each);
  EXPECT_THAT(finish(*made), IsEmpty());
  EXPECT_THAT(calls(), ElementsAre("tell: a/web create", "tell: web remove"));
  EXPECT_THAT(records(), IsEmpty());
}

TEST_F(HooksTest, AChartWhoseCallFailsHoldsUpNoOtherAndWaitsItsTime) {
  std::stop_source all_called;
  http.otherwise([&](const ScriptedHttp::Seen& seen) {
    if (seen.body.find("\"zoo\"") != std::string::npos)
      all_called.request_stop();
    return Reply{seen.body.find("\"db\"") == std::string::npos ? 200 : 503};
  });
  spec.retry = {std::chrono::hours(1), std::chrono::hours(1)};
  const auto made = hooks({hook_named("tell", HookSpec::When::published, HookSpec::Per::chart)});
  for (const char* chart : {"db", "web", "zoo"})
    made->published(change(Action::create, "a", "", chart));
  EXPECT_THAT(made->finish(clock.steady() + std::chrono::seconds(10), all_called.get_token()),
              ElementsAre("tell"));
  EXPECT_THAT(calls(), ElementsAre("tell: db create", "tell: web create", "tell: zoo create"));
}

TEST_F(HooksTest, AHookThatIsOwedManyCallsHoldsUpNoOther) {
  const auto each = HookSpec::Per::chart;
  const auto made = hooks({hook_named("busy", HookSpec::When::published, each)});
  http.otherwise([&, first = true](const ScriptedHttp::Seen&) mutable {
    if (std::exchange(first, false)) {
      made->published(change(Action::create, "a", "", "web"));
      spec.hooks.push_back(hook_named("tell", HookSpec::When::published, each));
      made->follow(spec);
      made->published(change(Action::create, "a", "", "zoo"));
    }
    return Reply{200};
  });
  made->published(change(Action::create, "a", "", "db"));
  EXPECT_THAT(finish(*made), IsEmpty());
  EXPECT_THAT(calls(), ElementsAre("busy: db create", "tell: zoo create", "busy: web create",
                                   "busy: zoo create"));
}

TEST_F(HooksTest, AHookThatIsCalledForEachChartFromNowOnIsStillOwedThem) {
  answer = 503;
  const auto made = hooks({hook_named("tell")});
  for (const char* chart : {"db", "web"})
    made->published(change(Action::create, "a", "", chart));
  EXPECT_THAT(made->finish(clock.steady() + std::chrono::milliseconds(50), {}),
              ElementsAre("tell"));
  http.forget();
  answer = 200;
  spec.hooks = {hook_named("tell", HookSpec::When::published, HookSpec::Per::chart)};
  made->follow(spec);
  EXPECT_THAT(finish(*made), IsEmpty());
  EXPECT_THAT(calls(), IsSupersetOf({"tell: db create", "tell: web create"}));
}

TEST_F(HooksTest, AChangeStaysWrittenDownWhenTheOneBeforeItIsTold) {
  const HookChange first = change(Action::create, "a", "");
  const HookChange second = change(Action::update, "b", "a");
  auto killed = hooks({hook_named("tell")});
  http.otherwise([&](const ScriptedHttp::Seen&) {
    killed->write_down(second);
    return Reply{200};
  });
  killed->write_down(first);
  killed->published(first);
  EXPECT_THAT(finish(*killed), IsEmpty());
  http.otherwise([](const ScriptedHttp::Seen&) { return Reply{503}; });
  killed->published(second);
  killed.reset();
  http.forget();
  http.otherwise([](const ScriptedHttp::Seen&) { return Reply{200}; });
  const auto next = hooks({hook_named("tell")});
  next->take_over([&](const HookChange& each) { return each.digest == second.digest; });
  EXPECT_THAT(finish(*next), IsEmpty());
  EXPECT_THAT(calls(), ElementsAre("tell: web update"));
  EXPECT_THAT(records(), IsEmpty());
}

TEST_F(HooksTest, WhatIsOwedStaysWrittenDownWhenTheNextChangeCameToNothing) {
  answer = 503;
  const HookChange first = change(Action::create, "a", "");
  {
    const auto killed = hooks({hook_named("tell")});
    killed->write_down(first);
    killed->published(first);
    killed->write_down(change(Action::update, "b", "a"));
  }
  http.forget();
  answer = 200;
  const auto next = hooks({hook_named("tell")});
  next->take_over([&](const HookChange& each) { return each.digest == first.digest; });
  EXPECT_THAT(finish(*next), IsEmpty());
  EXPECT_THAT(calls(), ElementsAre("tell: web create"));
  EXPECT_THAT(records(), IsEmpty());
}

TEST_F(HooksTest, WhatHappenedTwiceIsOneCallAfterACrash) {
  answer = 503;
  const HookChange first = change(Action::create, "a", "");
  const HookChange repair = change(Action::repair, "a", "a");
  {
    const auto killed = hooks({hook_named("tell")});
    killed->write_down(first);
    killed->published(first);
    killed->write_down(repair);
  }
  http.forget();
  answer = 200;
  const auto next = hooks({hook_named("tell")});
  next->take_over([](const HookChange&) { return true; });
  EXPECT_EQ(records().size(), 1U);
  EXPECT_THAT(finish(*next), IsEmpty());
  EXPECT_THAT(calls(), ElementsAre("tell: web create"));
  EXPECT_THAT(records(), IsEmpty());
}

TEST_F(HooksTest, AFileIsMadeAndGivenTheTimeOfNow) {
  touch();
  const struct timespec long_ago[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (box.path() / "mark").c_str(), long_ago, 0), 0);
  touch();
  EXPECT_GT(box.directory().status("mark")->st_mtime, 1);
}

TEST_F(HooksTest, NothingButAFileIsTouched) {
  const std::filesystem::path mark = box.path() / "mark";
  const auto refuses = [&] {
    const auto error = error_of([&] { touch(); });
    EXPECT_EQ(error->reason(), Reason::storage_failed);
    EXPECT_EQ(error->what(), mark.native() + " is not a regular file");
    std::filesystem::remove(mark);
  };
  ASSERT_EQ(::mkfifo(mark.c_str(), 0600), 0);
  refuses();
  std::filesystem::create_directory(mark);
  refuses();
  std::filesystem::create_symlink("elsewhere", mark);
  refuses();
  EXPECT_FALSE(box.directory().status("elsewhere"));
}

TEST_F(HooksTest, TheNextProcessTellsWhatReallyHappened) {
  {
    const auto killed = hooks({hook_named("tell")});
    killed->write_down(change(Action::create, "a", ""));
    killed->write_down(change(Action::create, "b", "", "db"));  // and it came no further
  }
  const Directory folder = *control->find("hooks/platform");
  folder.write_atomic("half.json", "{\"na", 0644);
  folder.make_directory("0-foreign", 0755);
  const auto next = hooks({hook_named("tell")});
  next->take_over([](const HookChange& each) { return each.chart == "web"; });
  EXPECT_EQ(records().size(), 2U);
  EXPECT_THAT(finish(*next), IsEmpty());
  EXPECT_THAT(calls(), ElementsAre("tell: web create"));
  EXPECT_THAT(records(), ElementsAre("0-foreign")) << "it is not ours to remove";
}

TEST_F(HooksTest, WhoWasRemovedFromTheSpecIsOwedNothing) {
  answer = 503;
  const auto made = hooks({hook_named("tell"), hook_named("gone")});
  made->published(change(Action::create, "a", ""));
  EXPECT_EQ(made->finish(clock.steady() + std::chrono::milliseconds(50), {}).size(), 2U);
  spec.hooks = {hook_named("tell")};
  made->follow(spec);
  answer = 200;
  EXPECT_THAT(finish(*made), IsEmpty());
  EXPECT_EQ(calls().back(), "tell: web create");
}

}  // namespace
}  // namespace ocisync
