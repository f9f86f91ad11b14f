#include "observe/listener.h"

#include <cstddef>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "served.h"

namespace ocisync {
namespace {

// From here on this process is on a machine without IPv6: socket(AF_INET6, ...) fails as there.
bool take_ipv6_away() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{std::size(program), program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

TEST(Listener, IsIpv4WhereThereIsNoIpv6) {
  const auto story = [] {
    if (!take_ipv6_away() || ::socket(AF_INET6, SOCK_STREAM, 0) >= 0)
      ::_exit(2);
    const auto server = serve([](const ServerRequest&) { return ServerAnswer{}; }, {}, "[::]");
    const bool answers = ask(server->port(), "GET", "/").status() == 200;
    ::_exit(answers && server->address().starts_with("0.0.0.0:") ? 0 : 1);
  };
  EXPECT_EXIT(story(), testing::ExitedWithCode(0), "");
}

TEST(Listener, TakesLocalhostAndSaysWhatPortItGot) {
  const Listener any = listen_on("localhost:0");
  EXPECT_GT(any.port, 0);
  EXPECT_EQ(any.address, "127.0.0.1:" + std::to_string(any.port));
}

}  // namespace
}  // namespace ocisync
