#include "net/transfer.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "net/proxy_rules.h"

namespace ocisync {
namespace {

constexpr std::uint64_t kSlowest = 1024;  // bytes a second
constexpr Duration kForever = std::chrono::hours(24 * 365);

SteadyTime after(SteadyTime now, Duration wait) { return now + std::min(wait, kForever); }

std::string seconds(Duration duration) {
  return fmt::format("{:g} s", static_cast<double>(duration.count()) / 1000);
}

}  // namespace

Transfer::Transfer(const HttpRequest& request) : request_(request) {
  // A proxy resolves names where we cannot see it; what the URL spells out is all there is to
  // judge.
  const std::string& host = request.url.origin().host;
  if (request.addresses == AddressPolicy::public_only && !request.route->proxy.empty() &&
      (is_internal_address(host) || is_loopback_host(host)))
    throw failure(Reason::policy_refused, "another server sent us to an internal address");
  sem_init(&finished_, 0, 0);
}

Error Transfer::failure(Reason reason, std::string_view why) const {
  return Error(reason,
               fmt::format("{} {}: {}", to_string(request_.method), request_.url.display(), why));
}

void Transfer::wait() {
  while (sem_wait(&finished_) != 0 && errno == EINTR) {
  }
}

HttpResponse Transfer::take() {
  if (parked_)
    std::rethrow_exception(parked_);
  return std::move(response_);
}

void Transfer::start() {
  started_ = std::chrono::steady_clock::now();
  deadline_ = after(started_, request_.timeout);
}

Error Transfer::lateness(bool connected) const {
  const std::string limit = seconds(request_.timeout);
  if (!connected)
    return failure(Reason::timed_out, fmt::format("no connection within {}", limit));
  if (!reader_.complete())
    return failure(Reason::timed_out, fmt::format("no answer within {}", limit));
  if (sink_ == nullptr)
    return failure(Reason::timed_out, fmt::format("the answer did not end within {}", limit));
  return failure(Reason::timed_out, fmt::format("the body came slower than 1 KiB/s for {}",
                                                seconds(request_.stall_timeout)));
}

void Transfer::receive_header(std::string_view line) {
  try {
    if (!reader_.add(line))
      return;
  } catch (const Error& error) {
    throw failure(error.reason(), error.message());
  }
  choose_body();
}

void Transfer::choose_body() {
  response_.head = std::move(reader_.head());
  if (request_.choose_body)
    sink_ = request_.choose_body(response_.head);
  if (sink_ != nullptr)
    deadline_ = after(std::chrono::steady_clock::now(), request_.stall_timeout);
}

bool Transfer::receive_body(Bytes bytes) {
  response_.body_bytes += bytes.size();
  if (sink_ == nullptr)
    return keep(as_text(bytes));
  const SteadyTime before = std::chrono::steady_clock::now();
  sink_->write(bytes);
  const SteadyTime now = std::chrono::steady_clock::now();
  // Every byte buys the time it may take, but patience beyond the limit cannot be saved up: silence
  // ends the transfer after exactly stall_timeout, a steady trickle above the limit never. A slow
  // disk of ours is not the server's fault.
  const auto bought = std::chrono::microseconds(bytes.size() * 1'000'000 / kSlowest);
  deadline_ = std::min(deadline_ + (now - before) + bought, after(now, request_.stall_timeout));
  return true;
}

// Half of what was asked for is of no use; of a failure the status counts, and the page may be as
// long as it likes.
bool Transfer::keep(std::string_view text) {
  const std::uint64_t room = request_.text_limit - response_.text.size();
  const bool fits = text.size() <= room;
  if (!fits && response_.status() / 100 == 2)
    throw failure(Reason::limit_exceeded,
                  fmt::format("the answer is larger than {} bytes", request_.text_limit));
  response_.text.append(text.substr(0, room));
  cut_ = !fits;
  return fits;
}

std::size_t Transfer::send_body(std::span<char> into) {
  const std::size_t count = std::min(into.size(), request_.body.size() - sent_);
  std::copy_n(request_.body.data() + sent_, count, into.data());
  sent_ += count;
  response_.sent_bytes += count;
  if (request_.sent)
    request_.sent(sent_);
  // The server cannot answer what it has not got: the wait begins with the last piece.
  if (!reader_.complete())
    deadline_ = after(std::chrono::steady_clock::now(), request_.timeout);
  return count;
}

void Transfer::rewind_body(std::size_t offset) { sent_ = std::min(offset, request_.body.size()); }

bool Transfer::admits(const IpAddress& address) {
  // Through a proxy only the proxy's address is seen, and that one is the user's choice.
  if (request_.addresses == AddressPolicy::any || !request_.route->proxy.empty() ||
      !address.is_internal())
    return true;
  refused_address_ = address.str();
  return false;
}

void Transfer::park(std::exception_ptr exception) noexcept {
  if (!parked_)
    parked_ = std::move(exception);
}

void Transfer::finish(int http_version, std::exception_ptr exception) noexcept {
  if (exception)
    park(std::move(exception));
  response_.http_version = http_version;
  response_.duration =
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - started_);
  sem_post(&finished_);  // the caller may be gone now, and this object with it
}

}  // namespace ocisync
