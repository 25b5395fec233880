export { validate } from "jsonschema";
