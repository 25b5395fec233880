export { stringify } from "yaml";
