#pragma once

#include <atomic>
#include <exception>
#include <span>
#include <string>

#include <semaphore.h>

#include "base/error.h"
#include "net/head_reader.h"
#include "net/http.h"
#include "net/ip_address.h"

namespace ocisync {

// One exchange, from the moment a caller hands it over until the engine lets go of it. It lives on
// the caller's stack: the caller waits, the engine's thread does the rest, and after finish() the
// engine never touches it again. Knows nothing of curl: events come in, an answer or an Error goes
// out.
class Transfer {
 public:
  // Throws Error(policy_refused) when a proxy is asked for an address that the policy forbids.
  explicit Transfer(const HttpRequest& request);

  ~Transfer() { sem_destroy(&finished_); }

  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  const HttpRequest& request() const noexcept { return request_; }

  // An Error about this exchange: method and URL, then `why`.
  Error failure(Reason reason, std::string_view why) const;

  // --- the caller's side ---
  void wait();          // until finished
  HttpResponse take();  // then: the answer, or throws what went wrong

  void cancel() noexcept { cancelled_ = true; }

  // --- the engine's side, on its thread only ---
  bool cancelled() const noexcept { return cancelled_; }

  void start();  // a handle is its own now

  SteadyTime deadline() const noexcept { return deadline_; }  // moves as bytes do

  Error lateness(bool connected) const;  // what passing the deadline means

  void receive_header(std::string_view line);
  bool receive_body(Bytes bytes);               // false: enough, the exchange is over
  std::size_t send_body(std::span<char> into);  // the next piece of the request's body
  void rewind_body(std::size_t offset);

  // Whether a connection may go there; remembers a refusal.
  bool admits(const IpAddress& address);

  // Set when every address was refused or a reused connection leads to one: what to tell.
  const std::string& refused_address() const noexcept { return refused_address_; }

  void park(std::exception_ptr exception) noexcept;  // the first one stays

  std::exception_ptr parked() const noexcept { return parked_; }

  bool answered() const noexcept { return reader_.complete(); }

  bool cut() const noexcept { return cut_; }  // answered, and the rest of its page refused

  // Ends it, as an answer or with the exception, and wakes the caller.
  void finish(int http_version, std::exception_ptr exception) noexcept;

 private:
  void choose_body();
  bool keep(std::string_view text);

  const HttpRequest& request_;
  HeadReader reader_;
  HttpResponse response_;
  Sink* sink_ = nullptr;
  bool cut_ = false;
  std::size_t sent_ = 0;  // bytes of the request's body handed over
  SteadyTime started_{};
  SteadyTime deadline_{};
  std::string refused_address_;
  std::exception_ptr parked_;
  std::atomic<bool> cancelled_ = false;

  // POSIX, because the caller may destroy it the moment it wakes, and because it neither spins nor
  // makes the woken thread wait for a lock.
  sem_t finished_;
};

}  // namespace ocisync
