#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace ocisync {

struct ProcessRequest {
  std::vector<std::string> command;      // command[0] is looked up on PATH unless it has a slash
  std::string input;                     // given on stdin, then closed
  std::vector<std::string> environment;  // the whole environment, NAME=value
  std::chrono::milliseconds time_limit{30'000};
  std::size_t output_limit = 64 * 1024;  // of stdout; more ends the process
  bool output_may_exceed = false;        // more is dropped instead, and the process goes on
  std::size_t error_limit = 4 * 1024;    // of stderr; more is dropped
};

struct ProcessResult {
  int exit_code = 0;  // 128 + N when signal N ended it
  bool found = true;  // false: no such program, or not one we may run; error_output says why
  bool timed_out = false;
  bool output_too_long = false;
  std::string output;
  std::string error_output;
};

// Runs a program without a shell, in a process group of its own, with no descriptor of ours but its
// three pipes and with every signal at its default. When the time limit passes or `give_up` turns
// true the whole group is killed. Blocks; safe from any thread.
ProcessResult run_process(const ProcessRequest& request, const std::function<bool()>& give_up);

// Kills every group that run_process waits for, for who is about to end this process without
// waiting itself. Safe from any thread.
void kill_processes();

// For process 1, which inherits whatever its descendants leave behind: takes the ended ones, but
// never those that run_process waits for. Safe from any thread.
void reap_orphans();

}  // namespace ocisync
