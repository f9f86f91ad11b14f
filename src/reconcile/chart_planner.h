#pragma once

#include "export/publisher.h"
#include "reconcile/plan.h"
#include "reconcile/resolver.h"

namespace ocisync {

// What is there, what is wanted, and what that means.
struct ChartPlan {
  Observed observed;
  Revision revision;
  Step step;
};

// The first half of a chart's journey: look, ask, decide. A sync goes on from here, `diff` tells of
// it; so both say the same. Changes nothing (see Resolver). Safe from any thread.
class ChartPlanner {
 public:
  // `publisher` is null when nothing was ever exported there, or nothing is to be: then the spec
  // has no export path.
  ChartPlanner(const Sources& sources, const Publisher* publisher)
      : spec_(sources.spec), resolver_(sources), publisher_(publisher) {}

  // Throws path_conflict before anybody is asked.
  ChartPlan plan(Inquiry& inquiry) const;

  const Resolver& resolver() const { return resolver_; }

 private:
  Observed observe(const ChartSpec& chart) const;
  void require_free(const std::string& path) const;

  const Spec& spec_;
  Resolver resolver_;
  const Publisher* publisher_;
};

}  // namespace ocisync
