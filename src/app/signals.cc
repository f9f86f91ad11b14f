#include "app/signals.h"

#include <cstdio>

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/process.h"

namespace ocisync {
namespace {

constexpr int kWake = SIGUSR2;  // our own

}  // namespace

Signals::Signals(Mode mode) {
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int number : {SIGTERM, SIGINT, kWake})
    sigaddset(&blocked, number);
  if (mode == Mode::watch)
    for (const int number : {SIGHUP, SIGUSR1, SIGCHLD})
      sigaddset(&blocked, number);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  ::signal(SIGPIPE, SIG_IGN);  // a closed socket or stdout is an error code, not the end
  ::signal(SIGXFSZ, SIG_IGN);  // likewise a file size limit
  if (mode == Mode::watch && ::getpid() == 1)
    acts_.with([](auto& acts) { acts.emplace(SIGCHLD, reap_orphans); });
  thread_ = std::jthread([this](const std::stop_token& own) { wait(own); });
}

Signals::~Signals() {
  thread_.request_stop();
  wake();
}

void Signals::wake() { pthread_kill(thread_.native_handle(), kWake); }

void Signals::on(int signal, std::function<void()> act) {
  acts_.with([&](auto& acts) { acts.insert_or_assign(signal, std::move(act)); });
  wake();
}

void Signals::wait(const std::stop_token& own) {
  while (!own.stop_requested()) {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGTERM, SIGINT, kWake})
      sigaddset(&set, number);
    const auto acts = acts_.with([](const auto& all) { return all; });
    for (const auto& [number, act] : acts)
      sigaddset(&set, number);
    int number = 0;
    if (sigwait(&set, &number) != 0 || number == kWake)
      continue;
    if (const auto act = acts.find(number); act != acts.end()) {
      act->second();
      continue;
    }
    if (received_.load() != 0) {
      kill_processes();
      ::_exit(128 + number);
    }
    received_.store(number);
    source_.request_stop();
  }
}

int tell_end(int signal, const Error& where) {
  std::fputs(fmt::format("ocisync: ended by signal {}: {}\n", signal, where.what()).c_str(),
             stderr);
  return 128 + signal;
}

}  // namespace ocisync
