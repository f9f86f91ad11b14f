#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <stop_token>

#include "net/url.h"

namespace ocisync {

// Lets one request be the first to a server while the others wait to hear what it learned: of many
// that start together only one is refused for want of a token. When the first one gets no answer
// the others go ahead by themselves, so that nobody waits twice. Safe from any thread.
class FirstContact {
 public:
  // Held while being first; letting go releases those who wait.
  class Turn {
   public:
    Turn(Turn&& other) noexcept;
    Turn& operator=(Turn&&) = delete;
    ~Turn();

    void met();  // the server answered: nobody needs to wait for it again

   private:
    friend class FirstContact;

    Turn(FirstContact* owner, Origin origin) : owner_(owner), origin_(std::move(origin)) {}

    FirstContact* owner_;  // null: not the first, or let go already
    Origin origin_;
  };

  // Waits while another's first request to this server is under way. Throws Error(cancelled).
  Turn enter(const Origin& origin, std::stop_token stop);

 private:
  enum class Stage { unknown, under_way, met };

  void leave(const Origin& origin, Stage stage);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<Origin, Stage> stages_;
  std::map<Origin, std::uint64_t> ended_;  // first requests that are over, however they ended
};

}  // namespace ocisync
