#include <nlohmann/json.hpp>

#include "ctl/output/document.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

constexpr auto kReplaceBadText = Json::error_handler_t::replace;

}  // namespace

std::string JsonText(const Json& value) {
  return EscapeDocument(value.dump(2, ' ', false, kReplaceBadText)) + "\n";
}

std::string JsonLine(const Json& value) {
  return EscapeDocument(value.dump(-1, ' ', false, kReplaceBadText)) + "\n";
}

}  // namespace gitops::ctl
