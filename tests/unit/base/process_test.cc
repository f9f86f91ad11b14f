#include "base/process.h"

#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/expect_error.h"
#include "support/temp_directory.h"

namespace ocisync {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

bool never() { return false; }

ProcessRequest shell(std::string script) {
  ProcessRequest request;
  request.command = {"sh", "-c", std::move(script)};
  request.environment = {"PATH=/usr/bin:/bin"};
  return request;
}

ProcessResult run(const ProcessRequest& request) { return run_process(request, never); }

TEST(Process, TakesInputAndGivesBothOutputsAndTheExitCode) {
  ProcessRequest request = shell("cat; echo problem >&2; exit 3");
  request.input = "registry.example.com\n";
  const ProcessResult result = run(request);
  EXPECT_TRUE(result.found);
  EXPECT_EQ(result.output, "registry.example.com\n");
  EXPECT_EQ(result.error_output, "problem\n");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_FALSE(result.timed_out);
}

TEST(Process, GivesArgumentsToNoShell) {
  ProcessRequest request = shell("");
  request.command = {"printf", "%s|", "$(id)", "; rm -rf x", "", "a b"};
  EXPECT_EQ(run(request).output, "$(id)|; rm -rf x||a b|");
}

TEST(Process, HasTheEnvironmentItIsGivenAndNoOther) {
  ::setenv("OCISYNC_TEST_LEAK", "1", 1);
  ProcessRequest request = shell("/usr/bin/env");
  request.environment = {"PATH=/usr/bin:/bin", "A=b"};
  const std::string output = run(request).output;
  EXPECT_THAT(output, HasSubstr("A=b\n"));
  EXPECT_THAT(output, testing::Not(HasSubstr("OCISYNC_TEST_LEAK")));
}

TEST(Process, IsLookedUpOnThePathOfItsOwnEnvironment) {
  const TempDirectory temp;
  temp.directory().write_new("helper", "#!/bin/sh\necho mine\n", 0755);
  ProcessRequest request = shell("");
  request.command = {"helper"};
  EXPECT_FALSE(run(request).found);
  request.environment = {"PATH=:/nonexistent:" + temp.path().string()};
  EXPECT_EQ(run(request).output, "mine\n");
}

TEST(Process, ThatDoesNotExistOrMayNotRunIsNotFound) {
  const TempDirectory temp;
  temp.directory().write_new("plain", "#!/bin/sh\n", 0644);
  temp.directory().write_new("lost", "#!/no/such/interpreter\n", 0755);
  for (const std::string name : {"no-such-program", "/no/such/program", "plain", "lost", ".", ""}) {
    ProcessRequest request = shell("");
    request.environment = {"PATH=" + temp.path().string()};
    request.command = {name};
    const ProcessResult result = run(request);
    EXPECT_FALSE(result.found) << name;
    EXPECT_NE(result.error_output, "") << name;
  }
  EXPECT_EQ(reason_of([] { run({}); }), Reason::internal);
}

TEST(Process, ThatIgnoresItsInputDoesNotEndUs) {
  ProcessRequest request = shell("exec <&-; echo done");
  request.input = std::string(1 << 20U, 'x');
  const ProcessResult result = run(request);
  EXPECT_EQ(result.output, "done\n");
  EXPECT_EQ(result.exit_code, 0);
}

TEST(Process, TalksAndListensAtTheSameTime) {
  ProcessRequest request = shell("cat; cat >&2 /dev/null");
  request.input = std::string(3 << 20U, 'x');
  request.output_limit = 4 << 20U;
  EXPECT_EQ(run(request).output.size(), request.input.size());
}

TEST(Process, ThatSaysTooMuchIsEnded) {
  ProcessRequest request = shell("while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done");
  request.output_limit = 1000;
  const ProcessResult result = run(request);
  EXPECT_TRUE(result.output_too_long);
  EXPECT_EQ(result.output.size(), 1000U);
  EXPECT_EQ(result.exit_code, 128 + SIGKILL);
}

TEST(Process, MayGoOnWhereWhatIsTooMuchIsDropped) {
  ProcessRequest request = shell("head -c 300000 /dev/zero; exit 3");
  request.output_limit = 1000;
  request.output_may_exceed = true;
  const ProcessResult result = run(request);
  EXPECT_EQ(result.output.size(), 1000U);
  EXPECT_FALSE(result.output_too_long);
  EXPECT_EQ(result.exit_code, 3);
}

TEST(Process, MayComplainAsMuchAsItLikes) {
  ProcessRequest request = shell("head -c 300000 /dev/zero >&2; echo ok");
  const ProcessResult result = run(request);
  EXPECT_EQ(result.error_output.size(), request.error_limit);
  EXPECT_EQ(result.output, "ok\n");
  EXPECT_FALSE(result.output_too_long);
}

// True while any process of the group exists that is not a zombie waiting for init.
bool group_lives(pid_t group) {
  const std::string script =
      "for f in /proc/[0-9]*/stat; do read -r line < $f || continue; set -- ${line##*) }; "
      "[ $3 = " +
      std::to_string(group) + " ] && [ $1 != Z ] && echo alive; done 2>/dev/null";
  return !run(shell(script)).output.empty();
}

// A killed process dies when it is next scheduled.
bool group_ends(pid_t group) {
  for (int looks = 0; looks < 100 && group_lives(group); ++looks)
    std::this_thread::sleep_for(milliseconds(50));
  return !group_lives(group);
}

TEST(Process, AtItsTimeLimitIsKilledWithAllItStarted) {
  ProcessRequest request = shell("echo $$; sleep 1000 & sleep 1000");
  request.time_limit = milliseconds(50);
  const ProcessResult result = run(request);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.exit_code, 128 + SIGKILL);
  EXPECT_TRUE(group_ends(std::stoi(result.output)));
}

TEST(Process, IsKilledWhenWeAreAskedToStop) {
  int asked = 0;
  const ProcessResult result = run_process(shell("sleep 1000"), [&] { return ++asked > 3; });
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(result.exit_code, 128 + SIGKILL);
}

TEST(Process, IsKilledWithAllItStartedWhenWeEndAtOnce) {
  const TempDirectory folder;
  const std::filesystem::path ready = folder.path() / "ready";
  const ProcessResult result =
      run_process(shell("sleep 1000 & echo $$; touch " + ready.string() + "; wait"), [&] {
        if (std::filesystem::exists(ready))
          kill_processes();
        return false;
      });
  EXPECT_EQ(result.exit_code, 128 + SIGKILL);
  EXPECT_TRUE(group_ends(std::stoi(result.output)));
}

TEST(Process, IsReapedEvenWhenAskingFails) {
  EXPECT_EQ(reason_of([] {
              run_process(shell("sleep 1000"),
                          []() -> bool { throw Error(Reason::cancelled, "stop"); });
            }),
            Reason::cancelled);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child was left behind";
}

TEST(Process, ThatLeavesADaemonBehindDoesNotKeepUsWaiting) {
  ProcessRequest request = shell("sleep 1000 & echo $!");
  const ProcessResult result = run(request);
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(::kill(std::stoi(result.output), SIGKILL), 0) << "it outlived its parent";
}

TEST(Process, TellsWhichSignalEndedIt) {
  EXPECT_EQ(run(shell("kill -TERM $$")).exit_code, 128 + SIGTERM);
}

TEST(Process, StartsWithDefaultSignalsWhateverWeIgnore) {
  std::signal(SIGINT, SIG_IGN);
  sigset_t term, before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &term, &before);
  EXPECT_EQ(run(shell("kill -INT $$; echo survived")).exit_code, 128 + SIGINT);
  EXPECT_EQ(run(shell("kill -TERM $$; echo survived")).exit_code, 128 + SIGTERM);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  std::signal(SIGINT, SIG_DFL);
}

TEST(Process, InheritsNoDescriptorOfOurs) {
  const Fd careless(::fcntl(0, F_DUPFD, 100));  // as a library might: without O_CLOEXEC
  ASSERT_TRUE(careless);
  const std::string open = run(shell("for f in /proc/self/fd/*; do echo ${f##*/}; done")).output;
  EXPECT_THAT(open, testing::StartsWith("0\n1\n2\n"));
  EXPECT_THAT(open, testing::Not(HasSubstr("\n" + std::to_string(careless.get()) + "\n")));
}

TEST(Process, LeavesNoDescriptorBehind) {
  const auto count = [] { return Directory::open("/proc/self/fd").names().size(); };
  const std::size_t before = count();
  run(shell("true"));
  ProcessRequest missing = shell("");
  missing.command = {"/no/such/program"};
  run(missing);
  EXPECT_EQ(count(), before);
}

TEST(Process, RunsFromManyThreadsAtOnce) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([i] {
      ProcessRequest request = shell("cat");
      request.input = std::string(100'000, static_cast<char>('a' + i));
      request.output_limit = 1 << 20U;
      EXPECT_EQ(run(request).output, request.input);
    });
}

}  // namespace
}  // namespace ocisync
