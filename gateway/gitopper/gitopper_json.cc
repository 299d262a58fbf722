#include "gateway/gitopper/gitopper_json.h"

#include <google/protobuf/util/time_util.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "common/json/json.h"

namespace gitops {
namespace {

using google::protobuf::util::TimeUtil;

// Go's encoding/json writes these characters, which occur in strings only, as escapes.
std::string GoText(const Json& json) {
  return absl::StrReplaceAll(json.dump(-1, ' ', false, Json::error_handler_t::replace),
                             {{"<", "\\u003c"},
                              {">", "\\u003e"},
                              {"&", "\\u0026"},
                              {"\xe2\x80\xa8", "\\u2028"},
                              {"\xe2\x80\xa9", "\\u2029"}});
}

std::string ChangeTime(const v1::Service& service) {
  if (!service.has_change_time()) return "Mon, 01 Jan 0001 00:00:00 UTC";
  const absl::Time time =
      absl::FromUnixSeconds(TimeUtil::TimestampToSeconds(service.change_time()));
  return absl::FormatTime("%a, %d %b %E4Y %H:%M:%S UTC", time, absl::UTCTimeZone());
}

std::string StateName(v1::ServiceState state) {
  const std::string name = v1::ServiceState_Name(state);
  return std::string(absl::StripPrefix(name, "SERVICE_STATE_"));
}

Json ToGitopper(const v1::Service& service) {
  return {{"service", service.service()},
          {"hash", service.hash()},
          {"state", StateName(service.state())},
          {"stateinfo", service.state_info()},
          {"change", ChangeTime(service)}};
}

}  // namespace

std::string GitopperMachines(const std::vector<v1::Machine>& machines) {
  Json list = Json::array();
  for (const v1::Machine& machine : machines) {
    list.push_back({{"machine", machine.machine()}, {"actual", machine.actual()}});
  }
  return GoText({{"machines", list}});
}

std::string GitopperServices(const std::vector<v1::Service>& services) {
  Json list = Json::array();
  for (const v1::Service& service : services) list.push_back(ToGitopper(service));
  return GoText({{"services", list}});
}

std::string GitopperService(const v1::Service& service) { return GoText(ToGitopper(service)); }

}  // namespace gitops
