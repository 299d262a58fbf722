#ifndef GITOPS_CTL_COMMANDS_STATE_FILTER_H_
#define GITOPS_CTL_COMMANDS_STATE_FILTER_H_

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ctl/output/fleet_text.h"
#include "ctl/output/service_text.h"

namespace gitops::ctl {

inline std::string StateOf(const v1::Service& service) { return StateText(service.state()); }
inline std::string StateOf(const v1::Host& host) { return HostStateText(host.state(), false); }

// Keeps what is in one of the states of --state; without any, everything.
class StateFilter {
 public:
  explicit StateFilter(std::vector<std::string> states) : states_(std::move(states)) {}

  template <typename Element>
  void Keep(std::vector<Element>& elements) const {
    std::erase_if(elements, [&](const Element& element) { return !Has(StateOf(element)); });
  }

  // Whether an update of a watch is shown. One that leaves the states becomes a removal.
  template <typename Update, typename Element>
  bool Shows(const std::string& key, const Element& element, Update& update) {
    if (states_.empty()) return true;
    if (!update.removed() && Has(StateOf(element))) {
      shown_.insert(key);
      return true;
    }
    update.set_removed(true);
    return shown_.erase(key) > 0;
  }

 private:
  bool Has(const std::string& state) const {
    return states_.empty() || std::find(states_.begin(), states_.end(), state) != states_.end();
  }

  std::vector<std::string> states_;
  std::set<std::string> shown_;
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_COMMANDS_STATE_FILTER_H_
