#include "gateway/front/proxies.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace gitops {
namespace {

namespace ip = boost::asio::ip;

std::optional<ip::address> ParseLiteral(absl::string_view text) {
  boost::system::error_code error;
  ip::address address = ip::make_address(std::string(text), error);
  if (error) return std::nullopt;
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = ip::make_address_v4(ip::v4_mapped, address.to_v6());
  }
  return address;
}

// An entry of X-Forwarded-For, which some proxies write with a port.
std::optional<ip::address> ParseForwarded(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  if (absl::StartsWith(text, "[")) {
    return ParseLiteral(text.substr(1, text.find(']') - 1));
  }
  if (std::count(text.begin(), text.end(), ':') == 1) text = text.substr(0, text.find(':'));
  return ParseLiteral(text);
}

}  // namespace

struct TrustedProxies::Networks {
  std::vector<ip::network_v4> v4;
  std::vector<ip::network_v6> v6;

  bool Contain(const ip::address& address) const {
    if (address.is_v4()) {
      return std::any_of(v4.begin(), v4.end(), [&](const ip::network_v4& network) {
        return ip::network_v4(address.to_v4(), network.prefix_length()).network() ==
               network.network();
      });
    }
    return std::any_of(v6.begin(), v6.end(), [&](const ip::network_v6& network) {
      return ip::network_v6(address.to_v6(), network.prefix_length()).network() ==
             network.network();
    });
  }
};

absl::StatusOr<TrustedProxies> TrustedProxies::Parse(const std::vector<std::string>& networks) {
  auto parsed = std::make_shared<Networks>();
  for (const std::string& text : networks) {
    const bool v6 = absl::StrContains(text, ':');
    const std::string whole =
        absl::StrContains(text, '/') ? text : absl::StrCat(text, v6 ? "/128" : "/32");
    boost::system::error_code error;
    if (v6) {
      parsed->v6.push_back(ip::make_network_v6(whole, error));
    } else {
      parsed->v4.push_back(ip::make_network_v4(whole, error));
    }
    if (error) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", text, "\" is neither an address nor a network such as 10.0.0.0/8"));
    }
  }
  TrustedProxies proxies;
  proxies.networks_ = std::move(parsed);
  return proxies;
}

bool TrustedProxies::Contains(absl::string_view address) const {
  if (networks_ == nullptr) return false;
  const std::optional<ip::address> parsed = ParseLiteral(address);
  return parsed.has_value() && networks_->Contain(*parsed);
}

std::string TrustedProxies::ClientAddress(const HttpServerRequest& request) const {
  std::string client = request.peer.address;
  if (!Contains(client)) return client;
  const std::string forwarded = request.Header("X-Forwarded-For");
  const std::vector<absl::string_view> entries = absl::StrSplit(forwarded, ',');
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    const std::optional<ip::address> address = ParseForwarded(*entry);
    if (!address.has_value()) break;
    client = address->to_string();
    if (!networks_->Contain(*address)) break;
  }
  return client;
}

bool IsLoopbackAddress(absl::string_view address) {
  const std::optional<ip::address> parsed = ParseLiteral(address);
  return parsed.has_value() && parsed->is_loopback();
}

}  // namespace gitops
