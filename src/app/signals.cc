#include "app/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

namespace ocisync {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGUSR2);  // our own wake-up, when the program ends first
  return set;
}

}  // namespace

Signals::Signals() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);  // a closed socket or stdout is an error code, not the end
  ::signal(SIGXFSZ, SIG_IGN);  // likewise a file size limit
  thread_ = std::jthread([this](const std::stop_token& own) { wait(own); });
}

Signals::~Signals() {
  thread_.request_stop();
  pthread_kill(thread_.native_handle(), SIGUSR2);
}

void Signals::wait(const std::stop_token& own) {
  const sigset_t set = stop_signals();
  while (!own.stop_requested()) {
    int number = 0;
    if (sigwait(&set, &number) != 0 || number == SIGUSR2)
      continue;
    if (received_.load() != 0)
      ::_exit(128 + number);
    received_.store(number);
    source_.request_stop();
  }
}

}  // namespace ocisync
