#include "net/curl_engine.h"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include <curl/curl.h>
#include <pthread.h>

#include "base/environment.h"
#include "base/error.h"
#include "net/admission.h"
#include "net/curl_failure.h"
#include "net/curl_handle.h"
#include "net/curl_options.h"
#include "net/transfer.h"
#include "net/trust_file.h"

namespace ocisync {
namespace {

constexpr std::size_t kHandles = 64;
constexpr long kIdleConnections = 64;
constexpr Duration kLongestSleep = std::chrono::hours(24);
// libcurl 7.88 sets a transfer going again that another one read bytes for, over their common
// connection, by a timer; curl_multi_perform() forgets that timer when it begins a third transfer
// in the same call. So while one may be waiting for such a timer, sleep is short.
constexpr Duration kLongestHttp2Sleep = std::chrono::milliseconds(50);

// Signals are for the main thread, and a peer that hangs up is an errno, not a SIGPIPE.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

Error cancelled(const Transfer& transfer) {
  return transfer.failure(Reason::cancelled, "stopped before it was answered");
}

}  // namespace

class CurlEngine::Impl {
 public:
  explicit Impl(std::string user_agent);
  ~Impl();
  HttpResponse send(const HttpRequest& request, const std::stop_token& stop);

 private:
  struct Active {
    Transfer* transfer;
    std::unique_ptr<CurlHandle> handle;
  };

  // What callers leave for the thread.
  struct Inbox {
    std::vector<Transfer*> arrivals;
    bool cancellations = false;
    bool stopping = false;
    bool asleep = false;      // the thread looks in before it sleeps; only a sleeper must be woken
    std::size_t senders = 0;  // inside send()
  };

  template <typename Act>
  void tell(Act&& act);
  void leave();

  void run() noexcept;
  bool collect();
  void release_due();
  bool admit();
  void start(Transfer& transfer);
  void perform();
  bool reap();
  static std::exception_ptr outcome(const Active& active, CURLcode code);
  void retire(std::size_t index, std::exception_ptr failure);
  bool drop_late();
  void drop(const std::function<bool(const Transfer&)>& unwanted);
  void sleep();
  Duration patience() const;

  CurlLibrary library_;
  CurlDefaults defaults_;
  Owner<CURLM, &curl_multi_cleanup> multi_;

  std::mutex mutex_;  // guards inbox_
  Inbox inbox_;
  std::condition_variable sender_left_;

  // The thread's own.
  std::multimap<SteadyTime, Transfer*> delayed_;
  Admission admission_{kHandles};
  std::vector<Active> active_;
  std::vector<std::unique_ptr<CurlHandle>> idle_;

  std::thread thread_;
};

CurlEngine::Impl::Impl(std::string user_agent)
    : defaults_{std::move(user_agent), find_trust_file(process_variable)},
      multi_(curl_multi_init()) {
  if (!multi_)
    throw std::bad_alloc();
  curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, kIdleConnections);
  active_.reserve(kHandles);
  idle_.reserve(kHandles);
  thread_ = std::thread([this] { run(); });
}

CurlEngine::Impl::~Impl() {
  tell([](Inbox& inbox) { inbox.stopping = true; });
  thread_.join();
  std::unique_lock lock(mutex_);
  sender_left_.wait(lock, [&] { return inbox_.senders == 0; });
}

// Changes the inbox and sees to it that the thread notices.
template <typename Act>
void CurlEngine::Impl::tell(Act&& act) {
  bool asleep = false;
  {
    const std::lock_guard lock(mutex_);
    act(inbox_);
    asleep = std::exchange(inbox_.asleep, false);
  }
  if (asleep)
    curl_multi_wakeup(multi_.get());
}

void CurlEngine::Impl::leave() {
  const std::lock_guard lock(mutex_);
  if (--inbox_.senders == 0 && inbox_.stopping)
    sender_left_.notify_one();
}

HttpResponse CurlEngine::Impl::send(const HttpRequest& request, const std::stop_token& stop) {
  Transfer transfer(request);
  if (stop.stop_requested())
    throw cancelled(transfer);
  tell([&](Inbox& inbox) {
    if (inbox.stopping)
      throw cancelled(transfer);
    inbox.arrivals.push_back(&transfer);
    ++inbox.senders;
  });
  {
    const std::stop_callback on_stop(stop, [&] {
      transfer.cancel();
      tell([](Inbox& inbox) { inbox.cancellations = true; });
    });
    transfer.wait();
  }
  leave();
  return transfer.take();
}

void CurlEngine::Impl::run() noexcept {
  block_signals();
  while (collect()) {
    release_due();
    admit();
    do
      perform();
    while (reap() && admit());
    if (!drop_late())
      sleep();
  }
  drop([](const Transfer&) { return true; });
}

// Takes what callers left. False when it is time to go.
bool CurlEngine::Impl::collect() {
  Inbox taken;
  {
    const std::lock_guard lock(mutex_);
    taken.arrivals.swap(inbox_.arrivals);
    taken.cancellations = std::exchange(inbox_.cancellations, false);
    taken.stopping = inbox_.stopping;
    inbox_.asleep = false;
  }
  for (Transfer* const transfer : taken.arrivals) {
    if (const auto when = transfer->request().not_before)
      delayed_.emplace(*when, transfer);
    else
      admission_.enqueue(*transfer);
  }
  if (taken.cancellations)
    drop([](const Transfer& transfer) { return transfer.cancelled(); });
  return !taken.stopping;
}

void CurlEngine::Impl::release_due() {
  const auto due = delayed_.upper_bound(std::chrono::steady_clock::now());
  for (auto next = delayed_.begin(); next != due; next = delayed_.erase(next))
    admission_.enqueue(*next->second);
}

bool CurlEngine::Impl::admit() {
  bool any = false;
  while (Transfer* const transfer = admission_.next()) {
    start(*transfer);
    any = true;
  }
  return any;
}

void CurlEngine::Impl::start(Transfer& transfer) {
  std::exception_ptr failure;
  try {
    if (idle_.empty())
      idle_.push_back(std::make_unique<CurlHandle>());
    CurlHandle& handle = *idle_.back();
    set_options(handle, transfer, defaults_);
    transfer.start();
    if (const CURLMcode code = curl_multi_add_handle(multi_.get(), handle.get()))
      throw Error(Reason::internal, curl_multi_strerror(code));
    active_.push_back({&transfer, std::move(idle_.back())});
    idle_.pop_back();
    return;
  } catch (...) {
    failure = std::current_exception();
  }
  if (!idle_.empty())
    idle_.back()->reset();
  admission_.release(transfer);
  transfer.finish(0, std::move(failure));
}

void CurlEngine::Impl::perform() {
  int running = 0;
  const CURLMcode code = curl_multi_perform(multi_.get(), &running);
  if (code == CURLM_OK)
    return;
  const auto defect = std::make_exception_ptr(Error(Reason::internal, curl_multi_strerror(code)));
  while (!active_.empty())
    retire(active_.size() - 1, defect);
}

// Ends what curl has finished with. True when there was something.
bool CurlEngine::Impl::reap() {
  bool any = false;
  int left = 0;
  while (const CURLMsg* const message = curl_multi_info_read(multi_.get(), &left)) {
    const CURLcode code = message->data.result;
    const auto at = std::find_if(active_.begin(), active_.end(), [&](const Active& active) {
      return active.handle->get() == message->easy_handle;
    });
    retire(static_cast<std::size_t>(at - active_.begin()), outcome(*at, code));
    any = true;
  }
  return any;
}

// Null when there is an answer.
std::exception_ptr CurlEngine::Impl::outcome(const Active& active, CURLcode code) {
  if (auto parked = active.transfer->parked())
    return parked;
  if (code != CURLE_OK && !active.transfer->cut())
    return std::make_exception_ptr(curl_failure(code, *active.handle, *active.transfer));
  if (!active.transfer->answered())
    return std::make_exception_ptr(
        active.transfer->failure(Reason::protocol_violation, "the answer has no final status"));
  return nullptr;
}

// Lets go of a transfer: nothing of it is touched once its caller was told.
void CurlEngine::Impl::retire(std::size_t index, std::exception_ptr failure) {
  std::swap(active_[index], active_.back());
  Transfer& transfer = *active_.back().transfer;
  std::unique_ptr<CurlHandle> handle = std::move(active_.back().handle);
  active_.pop_back();
  const int version = handle->http_version();
  curl_multi_remove_handle(multi_.get(), handle->get());
  handle->reset();
  idle_.push_back(std::move(handle));
  admission_.release(transfer);
  if (!failure)
    admission_.learn(transfer, version);
  transfer.finish(version, std::move(failure));
}

// Ends what is past its deadline. True when there was something.
bool CurlEngine::Impl::drop_late() {
  const SteadyTime now = std::chrono::steady_clock::now();
  bool any = false;
  for (std::size_t i = active_.size(); i-- > 0;) {
    const auto& [transfer, handle] = active_[i];
    if (transfer->deadline() > now)
      continue;
    const bool connected = handle->offset(CURLINFO_PRETRANSFER_TIME_T) > 0;
    retire(i, std::make_exception_ptr(transfer->lateness(connected)));
    any = true;
  }
  return any;
}

void CurlEngine::Impl::drop(const std::function<bool(const Transfer&)>& unwanted) {
  for (std::size_t i = active_.size(); i-- > 0;)
    if (unwanted(*active_[i].transfer))
      retire(i, std::make_exception_ptr(cancelled(*active_[i].transfer)));
  std::vector<Transfer*> waiting = admission_.drop(unwanted);
  for (auto next = delayed_.begin(); next != delayed_.end();) {
    if (unwanted(*next->second)) {
      waiting.push_back(next->second);
      next = delayed_.erase(next);
    } else {
      ++next;
    }
  }
  for (Transfer* const transfer : waiting)
    transfer->finish(0, std::make_exception_ptr(cancelled(*transfer)));
}

void CurlEngine::Impl::sleep() {
  {
    const std::lock_guard lock(mutex_);
    if (!inbox_.arrivals.empty() || inbox_.cancellations || inbox_.stopping)
      return;
    inbox_.asleep = true;
  }
  curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(patience().count()), nullptr);
}

// Until the next deadline of ours; curl shortens it to its own.
Duration CurlEngine::Impl::patience() const {
  const SteadyTime now = std::chrono::steady_clock::now();
  SteadyTime next = now + kLongestSleep;
  for (const Active& active : active_) {
    next = std::min(next, active.transfer->deadline());
    if (active.transfer->request().offers_http2())
      next = std::min(next, now + kLongestHttp2Sleep);
  }
  if (!delayed_.empty())
    next = std::min(next, delayed_.begin()->first);
  return std::max(std::chrono::ceil<Duration>(next - now), Duration(0));
}

CurlEngine::CurlEngine(std::string user_agent)
    : impl_(std::make_unique<Impl>(std::move(user_agent))) {}

CurlEngine::~CurlEngine() = default;

HttpResponse CurlEngine::send(const HttpRequest& request, std::stop_token stop) {
  return impl_->send(request, stop);
}

}  // namespace ocisync
