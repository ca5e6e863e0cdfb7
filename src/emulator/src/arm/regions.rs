//! Azure's regions: names, display names and pairs.

use serde_json::{Value, json};

/// A region: name, display name, geography group, paired region.
struct Region(&'static str, &'static str, &'static str, &'static str);

const REGIONS: &[Region] = &[
    Region("eastus", "East US", "US", "westus"),
    Region("eastus2", "East US 2", "US", "centralus"),
    Region("southcentralus", "South Central US", "US", "northcentralus"),
    Region("westus2", "West US 2", "US", "westcentralus"),
    Region("westus3", "West US 3", "US", "eastus"),
    Region("centralus", "Central US", "US", "eastus2"),
    Region("northcentralus", "North Central US", "US", "southcentralus"),
    Region("westus", "West US", "US", "eastus"),
    Region("westcentralus", "West Central US", "US", "westus2"),
    Region("centraluseuap", "Central US EUAP", "US", "eastus2euap"),
    Region("eastus2euap", "East US 2 EUAP", "US", "centraluseuap"),
    Region("canadacentral", "Canada Central", "Canada", "canadaeast"),
    Region("canadaeast", "Canada East", "Canada", "canadacentral"),
    Region(
        "brazilsouth",
        "Brazil South",
        "South America",
        "southcentralus",
    ),
    Region("northeurope", "North Europe", "Europe", "westeurope"),
    Region("westeurope", "West Europe", "Europe", "northeurope"),
    Region("uksouth", "UK South", "Europe", "ukwest"),
    Region("ukwest", "UK West", "Europe", "uksouth"),
    Region("francecentral", "France Central", "Europe", "francesouth"),
    Region(
        "germanywestcentral",
        "Germany West Central",
        "Europe",
        "germanynorth",
    ),
    Region("norwayeast", "Norway East", "Europe", "norwaywest"),
    Region("swedencentral", "Sweden Central", "Europe", "swedensouth"),
    Region(
        "switzerlandnorth",
        "Switzerland North",
        "Europe",
        "switzerlandwest",
    ),
    Region("italynorth", "Italy North", "Europe", ""),
    Region("polandcentral", "Poland Central", "Europe", ""),
    Region("spaincentral", "Spain Central", "Europe", ""),
    Region("eastasia", "East Asia", "Asia Pacific", "southeastasia"),
    Region(
        "southeastasia",
        "Southeast Asia",
        "Asia Pacific",
        "eastasia",
    ),
    Region(
        "australiaeast",
        "Australia East",
        "Asia Pacific",
        "australiasoutheast",
    ),
    Region(
        "australiasoutheast",
        "Australia Southeast",
        "Asia Pacific",
        "australiaeast",
    ),
    Region(
        "centralindia",
        "Central India",
        "Asia Pacific",
        "southindia",
    ),
    Region("southindia", "South India", "Asia Pacific", "centralindia"),
    Region("westindia", "West India", "Asia Pacific", "southindia"),
    Region("japaneast", "Japan East", "Asia Pacific", "japanwest"),
    Region("japanwest", "Japan West", "Asia Pacific", "japaneast"),
    Region(
        "koreacentral",
        "Korea Central",
        "Asia Pacific",
        "koreasouth",
    ),
    Region("koreasouth", "Korea South", "Asia Pacific", "koreacentral"),
    Region(
        "southafricanorth",
        "South Africa North",
        "Africa",
        "southafricawest",
    ),
    Region("uaenorth", "UAE North", "Middle East", "uaecentral"),
    Region("qatarcentral", "Qatar Central", "Middle East", ""),
    Region("israelcentral", "Israel Central", "Middle East", ""),
];

/// The name of a region that was written in any spelling (`East US 2`, `EASTUS2`).
pub fn normal(text: &str) -> String {
    text.replace(' ', "").to_ascii_lowercase()
}

pub fn exists(text: &str) -> bool {
    let name = normal(text);
    REGIONS.iter().any(|region| region.0 == name)
}

/// All names, comma separated as ARM's messages print them.
pub fn names() -> String {
    let names: Vec<&str> = REGIONS.iter().map(|region| region.0).collect();
    names.join(",")
}

pub fn display_names() -> Vec<&'static str> {
    REGIONS.iter().map(|region| region.1).collect()
}

/// `GET /subscriptions/S/locations`
pub fn list(subscription: &str) -> Value {
    let id = |name: &str| format!("/subscriptions/{subscription}/locations/{name}");
    let locations: Vec<Value> = REGIONS
        .iter()
        .map(|Region(name, display, group, pair)| {
            let paired: Vec<Value> = Some(*pair)
                .filter(|pair| !pair.is_empty())
                .map(|pair| json!({"name": pair, "id": id(pair), "subscriptionId": subscription}))
                .into_iter()
                .collect();
            json!({
                "id": id(name),
                "name": name,
                "type": "Region",
                "displayName": display,
                "regionalDisplayName": format!("({group}) {display}"),
                "metadata": {
                    "regionType": "Physical",
                    "regionCategory": "Recommended",
                    "geography": group,
                    "geographyGroup": group,
                    "pairedRegion": paired,
                },
            })
        })
        .collect();
    json!({"value": locations})
}
